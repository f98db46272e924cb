# expect: aws_sqs_queue.principal_from_elsewhere UNKNOWN
# expect: aws_sns_topic.text_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "partner" {
  input = { principal = "arn:aws:iam::111122223333:root", policy = "{}" }
}

resource "aws_sqs_queue" "principal_from_elsewhere" {
  name = "orders"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sqs:SendMessage"
      Resource  = "*"
      Principal = { AWS = terraform_data.partner.output.principal }
    }]
  })
}

resource "aws_sns_topic" "text_from_elsewhere" {
  name   = "orders"
  policy = terraform_data.partner.output.policy
}
