# expect: aws_kms_key.default_policy FAIL
# expect: aws_kms_key.account_only FAIL
# expect: aws_kms_key.other_region FAIL
# expect: aws_kms_key.action_missing FAIL
# expect: aws_kms_key.other_group FAIL
# expect: aws_kms_key.denied FAIL
# expect: aws_kms_key.alarms_forgotten FAIL
# expect: aws_kms_key.uploads_forgotten FAIL

# The policy that AWS gives to a key serves no service.
resource "aws_kms_key" "default_policy" {
  provider = aws.here

  description = "Logs"
}

resource "aws_cloudwatch_log_group" "default_policy" {
  provider = aws.here

  name       = "/aws/lambda/a-orders"
  kms_key_id = aws_kms_key.default_policy.arn
}

resource "aws_kms_key" "account_only" {
  provider = aws.here

  description = "Logs"
  policy      = data.aws_iam_policy_document.account_only.json
}

data "aws_iam_policy_document" "account_only" {
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::123456789012:root"]
    }
  }
}

resource "aws_cloudwatch_log_group" "account_only" {
  provider = aws.here

  name       = "/aws/lambda/b-orders"
  kms_key_id = aws_kms_key.account_only.arn
}

resource "aws_kms_key" "other_region" {
  provider = aws.here

  description = "Logs"
  policy      = data.aws_iam_policy_document.other_region.json
}

data "aws_iam_policy_document" "other_region" {
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
      identifiers = ["logs.us-west-2.amazonaws.com"]
    }
  }
}

resource "aws_cloudwatch_log_group" "other_region" {
  provider = aws.here

  name       = "/aws/lambda/c-orders"
  kms_key_id = aws_kms_key.other_region.arn
}

resource "aws_kms_key" "action_missing" {
  provider = aws.here

  description = "Logs"
  policy      = data.aws_iam_policy_document.action_missing.json
}

data "aws_iam_policy_document" "action_missing" {
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
    actions   = ["kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.us-east-1.amazonaws.com"]
    }
  }
}

resource "aws_cloudwatch_log_group" "action_missing" {
  provider = aws.here

  name       = "/aws/lambda/d-orders"
  kms_key_id = aws_kms_key.action_missing.arn
}

# The condition names the log group of another function.
resource "aws_kms_key" "other_group" {
  provider = aws.here

  description = "Logs"
  policy      = data.aws_iam_policy_document.other_group.json
}

data "aws_iam_policy_document" "other_group" {
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
      values   = ["arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/refunds"]
    }
  }
}

resource "aws_cloudwatch_log_group" "other_group" {
  provider = aws.here

  name       = "/aws/lambda/e-orders"
  kms_key_id = aws_kms_key.other_group.arn
}

resource "aws_kms_key" "denied" {
  provider = aws.here

  description = "Logs"
  policy      = data.aws_iam_policy_document.denied.json
}

data "aws_iam_policy_document" "denied" {
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

  statement {
    sid       = "NoDecryption"
    effect    = "Deny"
    actions   = ["kms:Decrypt"]
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}

resource "aws_cloudwatch_log_group" "denied" {
  provider = aws.here

  name       = "/aws/lambda/f-orders"
  kms_key_id = aws_kms_key.denied.arn
}

# The alarm goes off, and nobody hears of it.
resource "aws_kms_key" "alarms_forgotten" {
  provider = aws.here

  description = "Alerts and logs"
  policy      = data.aws_iam_policy_document.alarms_forgotten.json
}

data "aws_iam_policy_document" "alarms_forgotten" {
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

resource "aws_sns_topic" "alarms_forgotten" {
  provider = aws.here

  name              = "forgotten"
  kms_master_key_id = aws_kms_key.alarms_forgotten.key_id
}

resource "aws_cloudwatch_metric_alarm" "alarms_forgotten" {
  provider = aws.here

  alarm_name          = "payments-errors"
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  ok_actions          = [aws_sns_topic.alarms_forgotten.arn]
}

resource "aws_kms_key" "uploads_forgotten" {
  provider = aws.here

  description = "Queue"
  policy      = data.aws_iam_policy_document.uploads_forgotten.json
}

data "aws_iam_policy_document" "uploads_forgotten" {
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
    sid       = "Uploads"
    actions   = ["kms:Decrypt"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }
  }
}

resource "aws_sqs_queue" "uploads_forgotten" {
  provider = aws.here

  name              = "uploads"
  kms_master_key_id = aws_kms_key.uploads_forgotten.key_id
}

resource "aws_s3_bucket_notification" "uploads_forgotten" {
  provider = aws.here

  bucket = "acme-documents"

  queue {
    queue_arn = aws_sqs_queue.uploads_forgotten.arn
    events    = ["s3:ObjectCreated:*"]
  }
}
