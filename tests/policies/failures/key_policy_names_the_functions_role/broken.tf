# found by CKV_TAP_103: aws_kms_key.main

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
        Sid       = "Worker"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = "*"
        Principal = { AWS = aws_iam_role.worker.arn }
      },
    ]
  })
}

resource "aws_iam_role" "worker" {
  name = "acme-dev-worker"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })

  inline_policy {
    name = "use-key"
    policy = jsonencode({
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = ["kms:Decrypt"], Resource = aws_kms_key.main.arn }]
    })
  }
}
