resource "aws_cloudwatch_log_group" "worker" {
  name              = "/aws/lambda/acme-dev-worker"
  retention_in_days = 14
  kms_key_id        = aws_kms_key.main.arn
}

resource "aws_kms_key" "main" {
  enable_key_rotation = true
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Account"
        Effect    = "Allow"
        Action    = "kms:*"
        Resource  = "*"
        Principal = { AWS = "arn:aws:iam::123456789012:root" }
      },
      {
        Sid       = "Service"
        Effect    = "Allow"
        Action    = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
        Resource  = "*"
        Principal = { Service = "logs.us-east-1.amazonaws.com" }
      },
    ]
  })
}
