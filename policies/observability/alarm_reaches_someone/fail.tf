# expect: aws_cloudwatch_metric_alarm.to_nobody FAIL
# expect: aws_cloudwatch_metric_alarm.switched_off FAIL
# expect: aws_cloudwatch_metric_alarm.to_aws_managed_key FAIL
# expect: aws_cloudwatch_metric_alarm.to_default_key_policy FAIL
# expect: aws_cloudwatch_metric_alarm.to_closed_key FAIL
# expect: aws_cloudwatch_metric_alarm.to_closed_topic FAIL
# expect: aws_cloudwatch_metric_alarm.all_clear_to_closed_key FAIL

resource "aws_cloudwatch_metric_alarm" "to_nobody" {
  alarm_name          = "to-nobody"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
}

resource "aws_cloudwatch_metric_alarm" "switched_off" {
  alarm_name          = "switched-off"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  actions_enabled     = false
  alarm_actions       = [aws_sns_topic.plain.arn]
}

# Nobody can change that key's policy.
resource "aws_sns_topic" "under_aws_managed_key" {
  name              = "under-aws-managed-key"
  kms_master_key_id = "alias/aws/sns"
}

resource "aws_cloudwatch_metric_alarm" "to_aws_managed_key" {
  alarm_name          = "to-aws-managed-key"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.under_aws_managed_key.arn]
}

# Its policy is AWS's default: the account's root and nobody else.
resource "aws_kms_key" "default_policy" {
  description         = "Topics"
  enable_key_rotation = true
}

resource "aws_sns_topic" "under_default_policy" {
  name              = "under-default-policy"
  kms_master_key_id = aws_kms_key.default_policy.key_id
}

resource "aws_cloudwatch_metric_alarm" "to_default_key_policy" {
  alarm_name          = "to-default-key-policy"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.under_default_policy.arn]
}

resource "aws_kms_key" "closed" {
  description         = "Topics"
  enable_key_rotation = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Action    = "kms:*"
        Resource  = "*"
        Principal = { AWS = "arn:aws:iam::123456789012:root" }
      },
      {
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = "*"
        Principal = { Service = "sns.amazonaws.com" }
      },
    ]
  })
}

resource "aws_sns_topic" "under_closed_key" {
  name              = "under-closed-key"
  kms_master_key_id = aws_kms_key.closed.arn
}

resource "aws_cloudwatch_metric_alarm" "to_closed_key" {
  alarm_name          = "to-closed-key"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.under_closed_key.arn]
}

# Whoever was told of the alarm never hears that it is over.
resource "aws_cloudwatch_metric_alarm" "all_clear_to_closed_key" {
  alarm_name          = "all-clear-to-closed-key"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.plain.arn]
  ok_actions          = [aws_sns_topic.under_closed_key.arn]
}

resource "aws_sns_topic" "closed" {
  name = "closed"
}

# A policy of its own replaces the default one.
data "aws_iam_policy_document" "closed" {
  statement {
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.closed.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }
}

resource "aws_sns_topic_policy" "closed" {
  arn    = aws_sns_topic.closed.arn
  policy = data.aws_iam_policy_document.closed.json
}

resource "aws_cloudwatch_metric_alarm" "to_closed_topic" {
  alarm_name          = "to-closed-topic"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.closed.arn]
}
