# expect: aws_s3_bucket.without_lifecycle NOT_APPLICABLE

resource "aws_s3_bucket" "without_lifecycle" {
  bucket = "without-lifecycle-audit"
}
