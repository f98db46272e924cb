# expect: aws_s3_bucket.none FAIL
# expect: aws_s3_bucket.in_part FAIL
# expect: aws_s3_bucket.switched_off FAIL
# expect: aws_s3_bucket.some["blocked"] PASS
# expect: aws_s3_bucket.some["open"] FAIL

# A block for the whole account belongs to another stack: it does not count.
resource "aws_s3_account_public_access_block" "account" {
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket" "none" {
  bucket = "orders-exports"
}

resource "aws_s3_bucket" "in_part" {
  bucket = "orders-reports"
}

# What is not set is false.
resource "aws_s3_bucket_public_access_block" "in_part" {
  bucket              = aws_s3_bucket.in_part.id
  block_public_acls   = true
  block_public_policy = true
}

resource "aws_s3_bucket" "switched_off" {
  bucket = "orders-website"
}

resource "aws_s3_bucket_public_access_block" "switched_off" {
  bucket                  = aws_s3_bucket.switched_off.id
  block_public_acls       = true
  block_public_policy     = false
  ignore_public_acls      = true
  restrict_public_buckets = false
}

# The block of one instance is not that of another.
resource "aws_s3_bucket" "some" {
  for_each = toset(["blocked", "open"])

  bucket = "orders-${each.key}"
}

resource "aws_s3_bucket_public_access_block" "some" {
  bucket                  = aws_s3_bucket.some["blocked"].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
