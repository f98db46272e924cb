# expect: aws_s3_bucket.suspended FAIL
# expect: aws_s3_bucket.one_of_two["documents"] PASS
# expect: aws_s3_bucket.one_of_two["exports"] FAIL

resource "aws_s3_bucket" "suspended" {
  bucket = "refunds-audit"
}

resource "aws_s3_bucket_versioning" "suspended" {
  bucket = aws_s3_bucket.suspended.id

  versioning_configuration {
    status = "Suspended"
  }
}

# Another bucket's versioning is no help.
resource "aws_s3_bucket" "one_of_two" {
  for_each = toset(["documents", "exports"])

  bucket = "orders-${each.key}"
}

resource "aws_s3_bucket_versioning" "documents" {
  bucket = aws_s3_bucket.one_of_two["documents"].id

  versioning_configuration {
    status = "Enabled"
  }
}
