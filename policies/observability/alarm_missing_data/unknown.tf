# expect: aws_cloudwatch_metric_alarm.from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "missing_data" {
  input = "notBreaching"
}

resource "aws_cloudwatch_metric_alarm" "from_elsewhere" {
  alarm_name          = "audits-throttles"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = terraform_data.missing_data.output
}
