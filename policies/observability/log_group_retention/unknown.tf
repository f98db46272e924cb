# expect: aws_cloudwatch_log_group.from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "retention" {
  input = 14
}

resource "aws_cloudwatch_log_group" "from_elsewhere" {
  name              = "/aws/lambda/orders"
  retention_in_days = terraform_data.retention.output
}
