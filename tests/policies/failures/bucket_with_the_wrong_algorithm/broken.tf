# found by CKV_TAP_109: aws_s3_bucket.audit

resource "aws_s3_bucket" "audit" {
  bucket = "acme-dev-audit"
}

resource "aws_s3_bucket_server_side_encryption_configuration" "audit" {
  bucket = aws_s3_bucket.audit.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}
