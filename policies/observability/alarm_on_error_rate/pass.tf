# expect: aws_cloudwatch_metric_alarm.percent PASS
# expect: aws_cloudwatch_metric_alarm.percent_at_the_end PASS
# expect: aws_cloudwatch_metric_alarm.fraction PASS
# expect: aws_cloudwatch_metric_alarm.minute_by_minute PASS

resource "aws_cloudwatch_metric_alarm" "percent" {
  alarm_name          = "percent"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "rate"
    expression  = "IF(invocations > 0, 100 * errors / invocations, 0)"
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

resource "aws_cloudwatch_metric_alarm" "percent_at_the_end" {
  alarm_name          = "percent-at-the-end"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "rate"
    expression  = "(FILL(errors, 0) / MAX([invocations, 1])) * 100"
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

# Without the 100, the threshold is a fraction.
resource "aws_cloudwatch_metric_alarm" "fraction" {
  alarm_name          = "fraction"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0.05
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

resource "aws_cloudwatch_metric_alarm" "minute_by_minute" {
  alarm_name          = "minute-by-minute"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 5
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
      period      = 60
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
      period      = 60
      stat        = "Sum"

      dimensions = {
        FunctionName = "orders"
      }
    }
  }
}
