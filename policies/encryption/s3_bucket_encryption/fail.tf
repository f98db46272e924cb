# expect: aws_s3_bucket.other PASS
# expect: aws_s3_bucket.no_configuration FAIL
# expect: aws_s3_bucket.wrong_algorithm FAIL

resource "aws_s3_bucket" "other" {
  bucket = "acme-dev-other"
}

resource "aws_s3_bucket_server_side_encryption_configuration" "other" {
  bucket = aws_s3_bucket.other.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms"
    }
  }
}

# There is a configuration in this file, but of another bucket.
resource "aws_s3_bucket" "no_configuration" {
  bucket = "acme-dev-none"
}

# Enough where `algorithm` is "AES256".
resource "aws_s3_bucket" "wrong_algorithm" {
  bucket = "acme-dev-audit"
}

resource "aws_s3_bucket_server_side_encryption_configuration" "wrong_algorithm" {
  bucket = aws_s3_bucket.wrong_algorithm.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}
