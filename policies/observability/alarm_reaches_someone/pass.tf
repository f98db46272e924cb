# expect: aws_cloudwatch_metric_alarm.to_encrypted_topic PASS
# expect: aws_cloudwatch_metric_alarm.to_plain_topic PASS
# expect: aws_cloudwatch_metric_alarm.to_topic_with_policy PASS
# expect: aws_cloudwatch_metric_alarm.scales PASS
# expect: aws_cloudwatch_composite_alarm.either PASS

data "aws_iam_policy_document" "open_to_alarms" {
  statement {
    sid       = "AccountMayManageAndDelegate"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::123456789012:root"]
    }
  }

  statement {
    sid       = "AlarmsMayPublish"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = ["123456789012"]
    }
  }
}

resource "aws_kms_key" "open_to_alarms" {
  description         = "Topics"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.open_to_alarms.json
}

resource "aws_kms_alias" "open_to_alarms" {
  name          = "alias/topics"
  target_key_id = aws_kms_key.open_to_alarms.key_id
}

resource "aws_sns_topic" "encrypted" {
  name              = "encrypted"
  kms_master_key_id = aws_kms_key.open_to_alarms.arn
}

resource "aws_cloudwatch_metric_alarm" "to_encrypted_topic" {
  alarm_name          = "to-encrypted-topic"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.encrypted.arn]
}

# An alias is its key, and the default policy of a topic lets the account's alarms publish.
resource "aws_sns_topic" "by_alias" {
  name              = "by-alias"
  kms_master_key_id = aws_kms_alias.open_to_alarms.name
}

resource "aws_sns_topic" "plain" {
  name = "plain"
}

resource "aws_cloudwatch_metric_alarm" "to_plain_topic" {
  alarm_name          = "to-plain-topic"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.plain.arn, aws_sns_topic.by_alias.arn]
}

resource "aws_sns_topic" "with_policy" {
  name = "with-policy"
}

data "aws_iam_policy_document" "with_policy" {
  statement {
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.with_policy.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }
  }
}

resource "aws_sns_topic_policy" "with_policy" {
  arn    = aws_sns_topic.with_policy.arn
  policy = data.aws_iam_policy_document.with_policy.json
}

resource "aws_cloudwatch_metric_alarm" "to_topic_with_policy" {
  alarm_name          = "to-topic-with-policy"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.with_policy.arn]
}

# Not a topic, and an action all the same.
resource "aws_cloudwatch_metric_alarm" "scales" {
  alarm_name          = "scales"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = ["arn:aws:automate:us-east-1:ec2:recover"]
}

resource "aws_cloudwatch_composite_alarm" "either" {
  alarm_name    = "either"
  alarm_rule    = "ALARM(scales) OR ALARM(to-plain-topic)"
  alarm_actions = [aws_sns_topic.plain.arn]
}
