# Terraform itself refuses this file: `terraform validate` says "Cycle", and no more.
# expect: aws_kms_key.inline_policy FAIL
# expect: aws_kms_key.by_table FAIL
# expect: aws_kms_key.by_log_group FAIL
# expect: aws_kms_key.depends_on FAIL
# expect: aws_kms_key.by_local FAIL
# expect: aws_kms_key.itself FAIL

# The role's inline_policy leads back to the key.
resource "aws_kms_key" "inline_policy" {
  description = "Orders"
  policy      = data.aws_iam_policy_document.inline_policy.json
}

data "aws_iam_policy_document" "inline_policy" {
  statement {
    actions   = ["kms:Decrypt"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.inline_policy.arn]
    }
  }
}

resource "aws_iam_role" "inline_policy" {
  name               = "orders"
  assume_role_policy = data.aws_iam_policy_document.trust.json

  inline_policy {
    name = "key"

    policy = jsonencode({
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = ["kms:Decrypt"], Resource = aws_kms_key.inline_policy.arn }]
    })
  }
}

# So does a table that the role's own document names.
resource "aws_kms_key" "by_table" {
  description = "Payments"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = "*"
      Principal = { AWS = aws_iam_role.by_table.arn }
    }]
  })
}

resource "aws_iam_role" "by_table" {
  name               = "payments"
  assume_role_policy = data.aws_iam_policy_document.trust.json

  inline_policy {
    name   = "table"
    policy = data.aws_iam_policy_document.by_table.json
  }
}

data "aws_iam_policy_document" "by_table" {
  statement {
    actions   = ["dynamodb:GetItem"]
    resources = [aws_dynamodb_table.by_table.arn]
  }
}

resource "aws_dynamodb_table" "by_table" {
  name         = "payments"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.by_table.arn
  }
}

# So does a log group that the key's own policy names.
resource "aws_kms_key" "by_log_group" {
  description = "Logs"
  policy      = data.aws_iam_policy_document.by_log_group.json
}

data "aws_iam_policy_document" "by_log_group" {
  statement {
    actions   = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.us-east-1.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = [aws_cloudwatch_log_group.by_log_group.arn]
    }
  }
}

resource "aws_cloudwatch_log_group" "by_log_group" {
  name       = "/aws/lambda/refunds"
  kms_key_id = aws_kms_key.by_log_group.arn
}

# So does a depends_on.
resource "aws_kms_key" "depends_on" {
  description = "Returns"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = "*"
      Principal = { AWS = aws_iam_role.depends_on.arn }
    }]
  })
}

resource "aws_iam_role" "depends_on" {
  name               = "returns"
  assume_role_policy = data.aws_iam_policy_document.trust.json

  depends_on = [aws_kms_key.depends_on]
}

# A local is no way out.
locals {
  readers = [aws_iam_role.by_local.arn]
  key_arn = aws_kms_key.by_local.arn
}

resource "aws_kms_key" "by_local" {
  description = "Exports"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = "*"
      Principal = { AWS = local.readers }
    }]
  })
}

resource "aws_iam_role" "by_local" {
  name               = "exports"
  assume_role_policy = data.aws_iam_policy_document.trust.json

  inline_policy {
    name   = "key"
    policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["kms:Decrypt"], Resource = local.key_arn }] })
  }
}

# Nor may the document name the key: "*" stands for it there.
resource "aws_kms_key" "itself" {
  description = "Audit"
  policy      = data.aws_iam_policy_document.itself.json
}

data "aws_iam_policy_document" "itself" {
  statement {
    actions   = ["kms:*"]
    resources = [aws_kms_key.itself.arn]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::123456789012:root"]
    }
  }
}
