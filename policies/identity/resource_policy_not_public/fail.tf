# expect: aws_kms_key.everybody FAIL
# expect: aws_kms_key_policy.any_account_through_a_service FAIL
# expect: aws_sns_topic.everybody FAIL
# expect: aws_sqs_queue_policy.everybody FAIL
# expect: aws_s3_bucket_policy.everybody FAIL
# expect: aws_s3_bucket_policy.all_but_one FAIL
# expect: aws_lambda_permission.everybody FAIL

resource "aws_kms_key" "everybody" {
  description         = "Orders"
  enable_key_rotation = true

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "kms:*", Resource = "*", Principal = "*" }]
  })
}

# Through SQS, but from whichever account.
resource "aws_kms_key_policy" "any_account_through_a_service" {
  key_id = "1234abcd-12ab-34cd-56ef-1234567890ab"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "kms:*", Resource = "*", Principal = { AWS = "111122223333" } },
      {
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = "*"
        Principal = { AWS = "*" }
        Condition = { StringEquals = { "kms:ViaService" = "sqs.us-east-1.amazonaws.com" } }
      },
    ]
  })
}

data "aws_iam_policy_document" "everybody" {
  statement {
    sid       = "EverybodyPublishes"
    actions   = ["sns:Publish"]
    resources = ["arn:aws:sns:us-east-1:111122223333:orders"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
}

resource "aws_sns_topic" "everybody" {
  name   = "orders"
  policy = data.aws_iam_policy_document.everybody.json
}

# A pattern that every ARN matches narrows nothing.
resource "aws_sqs_queue_policy" "everybody" {
  queue_url = "https://sqs.us-east-1.amazonaws.com/111122223333/orders"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sqs:SendMessage"
      Resource  = "*"
      Principal = "*"
      Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:sns:*:*:*" } }
    }]
  })
}

# Everybody who is not in one office is still everybody.
resource "aws_s3_bucket_policy" "everybody" {
  bucket = "acme-dev-uploads"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "s3:GetObject"
      Resource  = "arn:aws:s3:::acme-dev-uploads/*"
      Principal = "*"
      Condition = { NotIpAddress = { "aws:SourceIp" = "192.0.2.0/24" } }
    }]
  })
}

resource "aws_s3_bucket_policy" "all_but_one" {
  bucket = "acme-dev-exports"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect       = "Allow"
      Action       = "s3:GetObject"
      Resource     = "arn:aws:s3:::acme-dev-exports/*"
      NotPrincipal = { AWS = "arn:aws:iam::111122223333:root" }
    }]
  })
}

resource "aws_lambda_permission" "everybody" {
  function_name = "reader"
  action        = "lambda:InvokeFunction"
  principal     = "*"
}
