# expect: aws_cloudwatch_metric_alarm.to_topic_from_elsewhere UNKNOWN
# expect: aws_cloudwatch_metric_alarm.to_anothers_topic UNKNOWN
# expect: aws_cloudwatch_metric_alarm.to_anothers_key UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "topic" {
  input = "arn:aws:sns:us-east-1:123456789012:alarms"
}

resource "aws_cloudwatch_metric_alarm" "to_topic_from_elsewhere" {
  alarm_name          = "to-topic-from-elsewhere"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [terraform_data.topic.output]
}

# How another stack's topic is encrypted can't be seen from here.
resource "aws_cloudwatch_metric_alarm" "to_anothers_topic" {
  alarm_name          = "to-anothers-topic"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = ["arn:aws:sns:us-east-1:123456789012:alarms"]
}

resource "aws_sns_topic" "under_anothers_key" {
  name              = "under-anothers-key"
  kms_master_key_id = "arn:aws:kms:us-east-1:123456789012:key/3d8d4a3b-64c6-4b4b-9d1a-2b8c5d3f4f11"
}

resource "aws_cloudwatch_metric_alarm" "to_anothers_key" {
  alarm_name          = "to-anothers-key"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.under_anothers_key.arn]
}
