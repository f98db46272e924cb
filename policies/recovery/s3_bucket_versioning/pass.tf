# expect: aws_s3_bucket.versioned PASS
# expect: aws_s3_bucket.by_local PASS

resource "aws_s3_bucket" "versioned" {
  bucket = "orders-audit"
}

resource "aws_s3_bucket_versioning" "versioned" {
  bucket = aws_s3_bucket.versioned.id

  versioning_configuration {
    status = "Enabled"
  }
}

locals {
  archive = aws_s3_bucket.by_local.bucket
}

resource "aws_s3_bucket" "by_local" {
  bucket = "payments-audit"
}

resource "aws_s3_bucket_versioning" "by_local" {
  bucket = local.archive

  versioning_configuration {
    status = "Enabled"
  }
}
