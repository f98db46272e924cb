# found by CKV_TAP_801: aws_s3_bucket.audit

resource "aws_s3_bucket" "audit" {
  bucket = "acme-dev-audit"
}
