variable "topic" {
  type = string
}

variable "policy" {
  type = string
}

resource "aws_sqs_queue" "own" {
  name = "own"
}

data "aws_iam_policy_document" "own" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.own.arn, var.topic]
  }
}

resource "aws_iam_role_policy" "given" {
  role   = "role"
  policy = var.policy
}

output "document" {
  value = data.aws_iam_policy_document.own.json
}
