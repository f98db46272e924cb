# expect: aws_s3_bucket.orders PASS
# expect: aws_s3_bucket.in_steps PASS
# expect: aws_s3_bucket.years PASS

resource "aws_s3_bucket" "orders" {
  bucket = "orders-audit"
}

resource "aws_s3_bucket_lifecycle_configuration" "orders" {
  bucket = aws_s3_bucket.orders.id

  rule {
    id     = "archive"
    status = "Enabled"

    filter {}

    transition {
      days          = 90
      storage_class = "GLACIER"
    }
  }
}

# Cheaper classes on the way are welcome.
resource "aws_s3_bucket" "in_steps" {
  bucket = "in-steps-audit"
}

resource "aws_s3_bucket_lifecycle_configuration" "in_steps" {
  bucket = aws_s3_bucket.in_steps.id

  rule {
    id     = "archive"
    status = "Enabled"

    filter {}

    transition {
      days          = 30
      storage_class = "STANDARD_IA"
    }

    transition {
      days          = 180
      storage_class = "DEEP_ARCHIVE"
    }
  }
}

# Gone after seven years, long after they were archived.
resource "aws_s3_bucket" "years" {
  bucket = "years-audit"
}

resource "aws_s3_bucket_lifecycle_configuration" "years" {
  bucket = aws_s3_bucket.years.id

  rule {
    id     = "archive"
    status = "Enabled"

    filter {}

    transition {
      days          = 120
      storage_class = "GLACIER_IR"
    }

    expiration {
      days = 2555
    }
  }
}
