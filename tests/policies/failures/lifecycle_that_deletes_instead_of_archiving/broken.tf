# found by CKV_TAP_203: aws_s3_bucket.audit

resource "aws_s3_bucket" "audit" {
  bucket = "acme-dev-audit"
}

resource "aws_s3_bucket_lifecycle_configuration" "audit" {
  bucket = aws_s3_bucket.audit.id

  rule {
    id     = "versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 30
    }
  }
}
