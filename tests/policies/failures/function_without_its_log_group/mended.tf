resource "aws_iam_role" "worker" {
  name = "acme-dev-worker"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_cloudwatch_log_group" "worker" {
  name              = "/aws/lambda/acme-dev-worker"
  retention_in_days = 14
}

resource "aws_lambda_function" "worker" {
  function_name = "acme-dev-worker"
  role          = aws_iam_role.worker.arn
  runtime       = "python3.13"
  handler       = "handler.handle"
  filename      = "worker.zip"

  depends_on = [aws_cloudwatch_log_group.worker]
}
