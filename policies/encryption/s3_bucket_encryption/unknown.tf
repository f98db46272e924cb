# expect: aws_s3_bucket.algorithm_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "algorithm" {
  input = "aws:kms"
}

resource "aws_s3_bucket" "algorithm_from_elsewhere" {
  bucket = "acme-dev-elsewhere"
}

resource "aws_s3_bucket_server_side_encryption_configuration" "algorithm_from_elsewhere" {
  bucket = aws_s3_bucket.algorithm_from_elsewhere.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = terraform_data.algorithm.output
    }
  }
}
