# expect: aws_s3_bucket.from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "blocked" {
  input = true
}

resource "aws_s3_bucket" "from_elsewhere" {
  bucket = "orders-invoices"
}

resource "aws_s3_bucket_public_access_block" "from_elsewhere" {
  bucket                  = aws_s3_bucket.from_elsewhere.id
  block_public_acls       = terraform_data.blocked.output
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
