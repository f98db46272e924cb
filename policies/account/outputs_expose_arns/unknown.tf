# expect: terraform_data.endpoints NOT_APPLICABLE
# expect: aws_kinesis_stream.in_a_summary UNKNOWN

resource "aws_kinesis_stream" "in_a_summary" {
  name        = "orders"
  shard_count = 1
}

# What it puts out is known after apply, and may or may not name the stream.
resource "terraform_data" "endpoints" {
  input = "stream=${aws_kinesis_stream.in_a_summary.arn}"
}

output "endpoints" {
  value = terraform_data.endpoints.output
}
