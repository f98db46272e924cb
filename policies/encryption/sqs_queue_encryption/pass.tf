# expect: aws_sqs_queue.own_key PASS
# expect: aws_sqs_queue.own_alias PASS

resource "aws_kms_key" "queue" {
  description = "Queues"
}

resource "aws_kms_alias" "queue" {
  name          = "alias/acme-queue"
  target_key_id = aws_kms_key.queue.key_id
}

# Which key it will be is settled, although its id is known only after apply.
resource "aws_sqs_queue" "own_key" {
  name              = "orders"
  kms_master_key_id = aws_kms_key.queue.key_id
}

resource "aws_sqs_queue" "own_alias" {
  name              = "orders-dead-letters"
  kms_master_key_id = aws_kms_alias.queue.name
}
