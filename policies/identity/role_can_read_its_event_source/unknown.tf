# expect: aws_lambda_event_source_mapping.source_from_elsewhere UNKNOWN
# expect: aws_lambda_event_source_mapping.policy_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "queue" {
  input = "arn:aws:sqs:us-east-1:111122223333:invoices"
}

resource "aws_sqs_queue" "invoices" {
  name = "invoices"
}

resource "aws_iam_role" "biller" {
  name = "biller"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_lambda_function" "biller" {
  function_name = "biller"
  role          = aws_iam_role.biller.arn
  runtime       = "python3.13"
  handler       = "handler.handle"
  s3_bucket     = "acme-dev-packages"
  s3_key        = "biller.zip"
}

resource "aws_iam_role_policy" "biller" {
  name = "reads-invoices"
  role = aws_iam_role.biller.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      Resource = terraform_data.queue.output
    }]
  })
}

resource "aws_lambda_event_source_mapping" "source_from_elsewhere" {
  event_source_arn = terraform_data.queue.output
  function_name    = aws_lambda_function.biller.arn
}

resource "aws_lambda_event_source_mapping" "policy_from_elsewhere" {
  event_source_arn = aws_sqs_queue.invoices.arn
  function_name    = aws_lambda_function.biller.arn
}
