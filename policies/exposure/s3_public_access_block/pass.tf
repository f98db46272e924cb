# expect: aws_s3_bucket.exports PASS
# expect: aws_s3_bucket.of_region["east"] PASS
# expect: aws_s3_bucket.of_region["west"] PASS

resource "aws_s3_bucket" "exports" {
  bucket = "orders-exports"
}

resource "aws_s3_bucket_public_access_block" "exports" {
  bucket                  = aws_s3_bucket.exports.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# To each instance its own.
resource "aws_s3_bucket" "of_region" {
  for_each = toset(["east", "west"])

  bucket = "orders-${each.key}"
}

resource "aws_s3_bucket_public_access_block" "of_region" {
  for_each = toset(["east", "west"])

  bucket                  = aws_s3_bucket.of_region[each.key].bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
