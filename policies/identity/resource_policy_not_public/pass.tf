# expect: aws_kms_key.account PASS
# expect: aws_kms_key.through_a_service PASS
# expect: aws_sns_topic.orders NOT_APPLICABLE
# expect: aws_sns_topic_policy.from_buckets PASS
# expect: aws_sqs_queue.orders PASS
# expect: aws_s3_bucket.uploads NOT_APPLICABLE
# expect: aws_s3_bucket_policy.organization PASS
# expect: aws_lambda_permission.rule PASS

resource "aws_kms_key" "account" {
  description         = "Orders"
  enable_key_rotation = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "kms:*"
      Resource  = "*"
      Principal = { AWS = "arn:aws:iam::111122223333:root" }
    }]
  })
}

# As AWS writes the policies of its own keys: everybody, but of this account and through one service.
resource "aws_kms_key" "through_a_service" {
  description         = "Messages"
  enable_key_rotation = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "kms:*", Resource = "*", Principal = { AWS = "111122223333" } },
      {
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Principal = { AWS = "*" }
        Condition = {
          StringEquals = {
            "kms:CallerAccount" = "111122223333"
            "kms:ViaService"    = "sqs.us-east-1.amazonaws.com"
          }
        }
      },
    ]
  })
}

resource "aws_sns_topic" "orders" {
  name = "orders"
}

resource "aws_s3_bucket" "uploads" {
  bucket = "acme-dev-uploads"
}

# The ARNs are known after apply; that they narrow the statement is known now.
data "aws_iam_policy_document" "from_buckets" {
  statement {
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.orders.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [aws_s3_bucket.uploads.arn]
    }
  }
}

resource "aws_sns_topic_policy" "from_buckets" {
  arn    = aws_sns_topic.orders.arn
  policy = data.aws_iam_policy_document.from_buckets.json
}

resource "aws_sqs_queue" "orders" {
  name = "orders"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sqs:SendMessage"
      Resource  = "*"
      Principal = { Service = "events.amazonaws.com" }
    }]
  })
}

# What is denied may be denied to everybody.
resource "aws_s3_bucket_policy" "organization" {
  bucket = aws_s3_bucket.uploads.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Deny"
        Action    = "s3:*"
        Resource  = "${aws_s3_bucket.uploads.arn}/*"
        Principal = "*"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Effect    = "Allow"
        Action    = "s3:GetObject"
        Resource  = "${aws_s3_bucket.uploads.arn}/*"
        Principal = "*"
        Condition = { StringEquals = { "aws:PrincipalOrgID" = ["o-exampleorg1"] } }
      },
    ]
  })
}

resource "aws_lambda_permission" "rule" {
  function_name = "reader"
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = "arn:aws:events:us-east-1:111122223333:rule/orders"
}
