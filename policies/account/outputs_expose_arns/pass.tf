# expect: aws_dynamodb_table.orders PASS
# expect: aws_sqs_queue.orders PASS
# expect: aws_sns_topic.by_priority["high"] PASS
# expect: aws_sns_topic.by_priority["low"] PASS
# expect: aws_iam_access_key.mail PASS

resource "aws_dynamodb_table" "orders" {
  name         = "orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }
}

output "table_arn" {
  value = aws_dynamodb_table.orders.arn
}

resource "aws_sqs_queue" "orders" {
  name = "orders"
}

# Through a local, and the name in place of the ARN.
locals {
  queue_name = aws_sqs_queue.orders.name
}

output "queue_name" {
  value = local.queue_name
}

resource "aws_sns_topic" "by_priority" {
  for_each = toset(["high", "low"])

  name = "orders-${each.key}"
}

output "topic_arns" {
  value = { for priority, topic in aws_sns_topic.by_priority : priority => topic.arn }
}

# A secret may be an output if it is marked.
resource "aws_iam_access_key" "mail" {
  user = "mail"
}

output "smtp_password" {
  value     = aws_iam_access_key.mail.ses_smtp_password_v4
  sensitive = true
}
