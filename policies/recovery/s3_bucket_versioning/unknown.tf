# expect: aws_s3_bucket.status_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "status" {
  input = "Enabled"
}

resource "aws_s3_bucket" "status_from_elsewhere" {
  bucket = "invoices-audit"
}

resource "aws_s3_bucket_versioning" "status_from_elsewhere" {
  bucket = aws_s3_bucket.status_from_elsewhere.id

  versioning_configuration {
    status = terraform_data.status.output
  }
}
