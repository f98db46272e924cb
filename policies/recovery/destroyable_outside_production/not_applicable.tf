# expect: aws_sqs_queue.plain NOT_APPLICABLE

resource "aws_sqs_queue" "plain" {
  name = "orders"
}
