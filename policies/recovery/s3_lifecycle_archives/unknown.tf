# expect: aws_s3_bucket.days_from_elsewhere UNKNOWN
# expect: aws_s3_bucket.class_from_elsewhere UNKNOWN
# expect: aws_s3_bucket.expiry_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "archive" {
  input = { days = 90, class = "GLACIER" }
}

resource "aws_s3_bucket" "days_from_elsewhere" {
  bucket = "days-from-elsewhere-audit"
}

resource "aws_s3_bucket_lifecycle_configuration" "days_from_elsewhere" {
  bucket = aws_s3_bucket.days_from_elsewhere.id

  rule {
    id     = "archive"
    status = "Enabled"

    filter {}

    transition {
      days          = terraform_data.archive.output.days
      storage_class = "GLACIER"
    }
  }
}

resource "aws_s3_bucket" "class_from_elsewhere" {
  bucket = "class-from-elsewhere-audit"
}

resource "aws_s3_bucket_lifecycle_configuration" "class_from_elsewhere" {
  bucket = aws_s3_bucket.class_from_elsewhere.id

  rule {
    id     = "archive"
    status = "Enabled"

    filter {}

    transition {
      days          = 90
      storage_class = terraform_data.archive.output.class
    }
  }
}

resource "aws_s3_bucket" "expiry_from_elsewhere" {
  bucket = "expiry-from-elsewhere-audit"
}

resource "aws_s3_bucket_lifecycle_configuration" "expiry_from_elsewhere" {
  bucket = aws_s3_bucket.expiry_from_elsewhere.id

  rule {
    id     = "archive"
    status = "Enabled"

    filter {}

    transition {
      days          = 90
      storage_class = "GLACIER"
    }

    expiration {
      days = terraform_data.archive.output.days
    }
  }
}
