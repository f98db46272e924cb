# expect: aws_kms_key.by_services PASS
# expect: aws_kms_key.names_a_role PASS
# expect: aws_kms_key.policy_apart NOT_APPLICABLE
# expect: aws_kms_key_policy.apart PASS

# Only the account and services: nothing of the stack.
resource "aws_kms_key" "by_services" {
  description = "Table and logs"
  policy      = data.aws_iam_policy_document.by_services.json
}

data "aws_iam_policy_document" "by_services" {
  statement {
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::123456789012:root"]
    }
  }

  statement {
    actions   = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.us-east-1.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

# The key needs the role, and a policy apart from the role needs the key: no circle.
resource "aws_kms_key" "names_a_role" {
  description = "Table"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = "*"
      Principal = { AWS = aws_iam_role.named.arn }
    }]
  })
}

resource "aws_iam_role" "named" {
  name               = "orders-reader"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "named" {
  role = aws_iam_role.named.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = aws_kms_key.names_a_role.arn
    }]
  })
}

# The policy apart from the key may name what needs the key.
resource "aws_kms_key" "policy_apart" {
  description = "Queue"
}

resource "aws_iam_role" "needs_the_key" {
  name               = "orders-writer"
  assume_role_policy = data.aws_iam_policy_document.trust.json

  inline_policy {
    name = "key"

    policy = jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect   = "Allow"
        Action   = ["kms:GenerateDataKey"]
        Resource = aws_kms_key.policy_apart.arn
      }]
    })
  }
}

resource "aws_kms_key_policy" "apart" {
  key_id = aws_kms_key.policy_apart.key_id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["kms:GenerateDataKey"]
      Resource  = "*"
      Principal = { AWS = aws_iam_role.needs_the_key.arn }
    }]
  })
}
