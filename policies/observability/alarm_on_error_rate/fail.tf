# expect: aws_cloudwatch_metric_alarm.count FAIL
# expect: aws_cloudwatch_metric_alarm.count_by_query FAIL
# expect: aws_cloudwatch_metric_alarm.upside_down FAIL
# expect: aws_cloudwatch_metric_alarm.too_tolerant FAIL
# expect: aws_cloudwatch_metric_alarm.fraction_for_percent FAIL
# expect: aws_cloudwatch_metric_alarm.too_slow FAIL
# expect: aws_cloudwatch_metric_alarm.healthy FAIL
# expect: aws_cloudwatch_metric_alarm.averages FAIL
# expect: aws_cloudwatch_metric_alarm.of_two_functions FAIL

# Three errors of three invocations, or of three million?
resource "aws_cloudwatch_metric_alarm" "count" {
  alarm_name          = "count"
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
}

resource "aws_cloudwatch_metric_alarm" "count_by_query" {
  alarm_name          = "count-by-query"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "rate"
    expression  = "FILL(errors, 0)"
    return_data = true
  }

  metric_query {
    id = "errors"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Errors"
      period      = 300
      stat        = "Sum"

      dimensions = {
        FunctionName = "orders"
      }
    }
  }

  metric_query {
    id = "invocations"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Invocations"
      period      = 300
      stat        = "Sum"

      dimensions = {
        FunctionName = "orders"
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "upside_down" {
  alarm_name          = "upside-down"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "rate"
    expression  = "100 * invocations / errors"
    return_data = true
  }

  metric_query {
    id = "errors"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Errors"
      period      = 300
      stat        = "Sum"

      dimensions = {
        FunctionName = "orders"
      }
    }
  }

  metric_query {
    id = "invocations"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Invocations"
      period      = 300
      stat        = "Sum"

      dimensions = {
        FunctionName = "orders"
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "too_tolerant" {
  alarm_name          = "too-tolerant"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 10
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "rate"
    expression  = "100 * errors / invocations"
    return_data = true
  }

  metric_query {
    id = "errors"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Errors"
      period      = 300
      stat        = "Sum"

      dimensions = {
        FunctionName = "orders"
      }
    }
  }

  metric_query {
    id = "invocations"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Invocations"
      period      = 300
      stat        = "Sum"

      dimensions = {
        FunctionName = "orders"
      }
    }
  }
}

# A threshold of 5 is 500 % here: it is never reached.
resource "aws_cloudwatch_metric_alarm" "fraction_for_percent" {
  alarm_name          = "fraction-for-percent"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "rate"
    expression  = "errors / invocations"
    return_data = true
  }

  metric_query {
    id = "errors"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Errors"
      period      = 300
      stat        = "Sum"

      dimensions = {
        FunctionName = "orders"
      }
    }
  }

  metric_query {
    id = "invocations"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Invocations"
      period      = 300
      stat        = "Sum"

      dimensions = {
        FunctionName = "orders"
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "too_slow" {
  alarm_name          = "too-slow"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "rate"
    expression  = "100 * errors / invocations"
    return_data = true
  }

  metric_query {
    id = "errors"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Errors"
      period      = 300
      stat        = "Sum"

      dimensions = {
        FunctionName = "orders"
      }
    }
  }

  metric_query {
    id = "invocations"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Invocations"
      period      = 300
      stat        = "Sum"

      dimensions = {
        FunctionName = "orders"
      }
    }
  }
}

# Goes off while all is well.
resource "aws_cloudwatch_metric_alarm" "healthy" {
  alarm_name          = "healthy"
  comparison_operator = "LessThanThreshold"
  threshold           = 5
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "rate"
    expression  = "100 * errors / invocations"
    return_data = true
  }

  metric_query {
    id = "errors"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Errors"
      period      = 300
      stat        = "Sum"

      dimensions = {
        FunctionName = "orders"
      }
    }
  }

  metric_query {
    id = "invocations"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Invocations"
      period      = 300
      stat        = "Sum"

      dimensions = {
        FunctionName = "orders"
      }
    }
  }
}

# Errors for each invocation, divided by the invocations once more.
resource "aws_cloudwatch_metric_alarm" "averages" {
  alarm_name          = "averages"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "rate"
    expression  = "100 * errors / invocations"
    return_data = true
  }

  metric_query {
    id = "errors"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Errors"
      period      = 300
      stat        = "Average"

      dimensions = {
        FunctionName = "orders"
      }
    }
  }

  metric_query {
    id = "invocations"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Invocations"
      period      = 300
      stat        = "Sum"

      dimensions = {
        FunctionName = "orders"
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "of_two_functions" {
  alarm_name          = "of-two-functions"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "rate"
    expression  = "100 * errors / invocations"
    return_data = true
  }

  metric_query {
    id = "errors"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Errors"
      period      = 300
      stat        = "Sum"

      dimensions = {
        FunctionName = "orders"
      }
    }
  }

  metric_query {
    id = "invocations"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Invocations"
      period      = 300
      stat        = "Sum"

      dimensions = {
        FunctionName = "payments"
      }
    }
  }
}
