# expect: aws_s3_bucket.documents PASS
# expect: aws_s3_bucket.archive PASS
# expect: aws_s3_bucket.inline PASS

resource "aws_kms_key" "documents" {
  description = "Documents"
}

resource "aws_s3_bucket" "documents" {
  bucket = "acme-dev-documents"
}

resource "aws_s3_bucket_server_side_encryption_configuration" "documents" {
  bucket = aws_s3_bucket.documents.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.documents.arn
    }
  }
}

# Known by its name as well.
resource "aws_s3_bucket" "archive" {
  bucket = "acme-dev-archive"
}

resource "aws_s3_bucket_server_side_encryption_configuration" "archive" {
  bucket = "acme-dev-archive"

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms:dsse"
    }
  }
}

# The provider still takes the block that the separate resource replaced.
resource "aws_s3_bucket" "inline" {
  bucket = "acme-dev-inline"

  server_side_encryption_configuration {
    rule {
      apply_server_side_encryption_by_default {
        sse_algorithm = "aws:kms"
      }
    }
  }
}
