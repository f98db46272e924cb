# found by CKV_TAP_303: aws_cloudwatch_metric_alarm.errors

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "acme-dev-errors"
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 5
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
}
