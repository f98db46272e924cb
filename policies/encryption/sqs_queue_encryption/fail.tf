# expect: aws_sqs_queue.unset FAIL
# expect: aws_sqs_queue.off FAIL
# expect: aws_sqs_queue.sqs_managed FAIL
# expect: aws_sqs_queue.aws_managed FAIL

resource "aws_sqs_queue" "unset" {
  name = "orders"
}

resource "aws_sqs_queue" "off" {
  name                    = "payments"
  sqs_managed_sse_enabled = false
}

# Enough where `mode` is "sqs-managed".
resource "aws_sqs_queue" "sqs_managed" {
  name                    = "refunds"
  sqs_managed_sse_enabled = true
}

# Enough where `mode` is "aws-managed"; S3 and SNS can't send to it.
resource "aws_sqs_queue" "aws_managed" {
  name              = "returns"
  kms_master_key_id = "alias/aws/sqs"
}
