# expect: aws_cloudwatch_metric_alarm.threshold_from_elsewhere UNKNOWN
# expect: aws_cloudwatch_metric_alarm.namespace_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "alarm" {
  input = { threshold = 5, namespace = "AWS/Lambda" }
}

resource "aws_cloudwatch_metric_alarm" "threshold_from_elsewhere" {
  alarm_name          = "threshold-from-elsewhere"
  comparison_operator = "GreaterThanThreshold"
  threshold           = terraform_data.alarm.output.threshold
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

resource "aws_cloudwatch_metric_alarm" "namespace_from_elsewhere" {
  alarm_name          = "namespace-from-elsewhere"
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
      namespace   = terraform_data.alarm.output.namespace
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
