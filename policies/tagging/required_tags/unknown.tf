# expect: terraform_data.cost_centre NOT_APPLICABLE
# expect: aws_sqs_queue.value_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "cost_centre" {
  input = "orders"
}

resource "aws_sqs_queue" "value_from_elsewhere" {
  name = "exports"

  tags = {
    Environment = "dev"
    Project     = terraform_data.cost_centre.output
    ManagedBy   = "terraform"
  }
}
