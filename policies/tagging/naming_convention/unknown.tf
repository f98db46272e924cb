# expect: terraform_data.name NOT_APPLICABLE
# expect: aws_sqs_queue.name_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "name" {
  input = "acme-dev-refunds"
}

resource "aws_sqs_queue" "name_from_elsewhere" {
  name = terraform_data.name.output
}
