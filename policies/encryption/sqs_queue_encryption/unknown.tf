# expect: aws_sqs_queue.from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system: it may be null, or alias/aws/sqs.
resource "terraform_data" "key" {
  input = "alias/acme-queue"
}

resource "aws_sqs_queue" "from_elsewhere" {
  name              = "orders"
  kms_master_key_id = terraform_data.key.output
}
