# expect: aws_kms_key.logs PASS
# expect: aws_kms_key.logs_of_every_region PASS
# expect: aws_kms_key.alerts PASS
# expect: aws_kms_key.queue PASS
# expect: aws_kms_key.policy_apart PASS

provider "aws" {
  alias  = "here"
  region = "us-east-1"
}

# Narrowed to the log group that uses it.
resource "aws_kms_key" "logs" {
  provider = aws.here

  description = "Logs"
  policy      = data.aws_iam_policy_document.logs.json
}

data "aws_iam_policy_document" "logs" {
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::123456789012:root"]
    }
  }

  statement {
    sid       = "Logs"
    actions   = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.us-east-1.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/orders"]
    }
  }
}

resource "aws_cloudwatch_log_group" "logs" {
  provider = aws.here

  name       = "/aws/lambda/orders"
  kms_key_id = aws_kms_key.logs.arn
}

resource "aws_kms_key" "logs_of_every_region" {
  provider = aws.here

  description = "Logs"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "kms:*"
      Resource  = "*"
      Principal = { Service = "logs.amazonaws.com" }
    }]
  })
}

resource "aws_cloudwatch_log_group" "logs_of_every_region" {
  provider = aws.here

  name       = "/aws/lambda/payments"
  kms_key_id = aws_kms_key.logs_of_every_region.arn
}

# The topic names the key by an alias; alarms and a bucket's notifications go there.
resource "aws_kms_key" "alerts" {
  provider = aws.here

  description = "Alerts"
  policy      = data.aws_iam_policy_document.alerts.json
}

data "aws_iam_policy_document" "alerts" {
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::123456789012:root"]
    }
  }

  statement {
    sid       = "Alarms"
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

  statement {
    sid       = "Uploads"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }
  }
}

resource "aws_kms_alias" "alerts" {
  provider = aws.here

  name          = "alias/acme-alerts"
  target_key_id = aws_kms_key.alerts.key_id
}

resource "aws_sns_topic" "alerts" {
  provider = aws.here

  name              = "alerts"
  kms_master_key_id = aws_kms_alias.alerts.name
}

resource "aws_cloudwatch_metric_alarm" "alerts" {
  provider = aws.here

  alarm_name          = "orders-errors"
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  alarm_actions       = [aws_sns_topic.alerts.arn]
}

resource "aws_s3_bucket_notification" "uploads" {
  provider = aws.here

  bucket = "acme-uploads"

  topic {
    topic_arn = aws_sns_topic.alerts.arn
    events    = ["s3:ObjectCreated:*"]
  }
}

# An event rule and a topic deliver to the queue.
resource "aws_kms_key" "queue" {
  provider = aws.here

  description = "Queue"
  policy      = data.aws_iam_policy_document.queue.json
}

data "aws_iam_policy_document" "queue" {
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::123456789012:root"]
    }
  }

  statement {
    sid       = "Senders"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com", "sns.amazonaws.com"]
    }
  }
}

resource "aws_sqs_queue" "queue" {
  provider = aws.here

  name              = "orders"
  kms_master_key_id = aws_kms_key.queue.key_id
}

resource "aws_cloudwatch_event_target" "queue" {
  provider = aws.here

  rule = "orders"
  arn  = aws_sqs_queue.queue.arn
}

resource "aws_sns_topic_subscription" "queue" {
  provider = aws.here

  topic_arn = "arn:aws:sns:us-east-1:123456789012:orders"
  protocol  = "sqs"
  endpoint  = aws_sqs_queue.queue.arn
}

# A policy of its own resource replaces the key's.
resource "aws_kms_key" "policy_apart" {
  provider = aws.here

  description = "Logs"
}

resource "aws_kms_key_policy" "apart" {
  provider = aws.here

  key_id = aws_kms_key.policy_apart.key_id
  policy = data.aws_iam_policy_document.logs_of_refunds.json
}

data "aws_iam_policy_document" "logs_of_refunds" {
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::123456789012:root"]
    }
  }

  statement {
    sid       = "Logs"
    actions   = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.us-east-1.amazonaws.com"]
    }
  }
}

resource "aws_cloudwatch_log_group" "policy_apart" {
  provider = aws.here

  name       = "/aws/lambda/refunds"
  kms_key_id = aws_kms_key.policy_apart.arn
}
