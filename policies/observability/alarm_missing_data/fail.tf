# expect: aws_cloudwatch_metric_alarm.unset FAIL
# expect: aws_cloudwatch_metric_alarm.cloudwatchs_default FAIL
# expect: aws_cloudwatch_metric_alarm.breaching FAIL

# Without it, a quiet hour is INSUFFICIENT_DATA.
resource "aws_cloudwatch_metric_alarm" "unset" {
  alarm_name          = "payments-throttles"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
}

resource "aws_cloudwatch_metric_alarm" "cloudwatchs_default" {
  alarm_name          = "refunds-throttles"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "missing"
}

# Right for a heartbeat, whose alarm then deserves a waiver or a parameter.
resource "aws_cloudwatch_metric_alarm" "breaching" {
  alarm_name          = "exports-throttles"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "breaching"
}
