# expect: aws_cloudwatch_metric_alarm.throttles NOT_APPLICABLE
# expect: aws_cloudwatch_metric_alarm.dead_letters NOT_APPLICABLE
# expect: aws_cloudwatch_metric_alarm.throttle_rate NOT_APPLICABLE

resource "aws_cloudwatch_metric_alarm" "throttles" {
  alarm_name          = "throttles"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "dead-letters"
  namespace           = "AWS/SQS"
  metric_name         = "NumberOfMessagesSent"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
}

resource "aws_cloudwatch_metric_alarm" "throttle_rate" {
  alarm_name          = "throttle-rate"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "rate"
    expression  = "100 * throttles / invocations"
    return_data = true
  }

  metric_query {
    id = "throttles"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Throttles"
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
