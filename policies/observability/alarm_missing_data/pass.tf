# expect: aws_cloudwatch_metric_alarm.not_breaching PASS

resource "aws_cloudwatch_metric_alarm" "not_breaching" {
  alarm_name          = "orders-throttles"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
}
