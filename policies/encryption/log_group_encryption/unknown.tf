# expect: aws_cloudwatch_log_group.key_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system: it may be null.
resource "terraform_data" "key" {
  input = "arn:aws:kms:us-east-1:123456789012:key/1f2e3d4c-0000-4000-8000-000000000000"
}

resource "aws_cloudwatch_log_group" "key_from_elsewhere" {
  name       = "/aws/lambda/orders"
  kms_key_id = terraform_data.key.output
}
