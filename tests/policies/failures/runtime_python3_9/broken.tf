# found by CKV_TAP_601: aws_lambda_function.worker

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

resource "aws_lambda_function" "worker" {
  function_name = "acme-dev-worker"
  role          = aws_iam_role.worker.arn
  runtime       = "python3.9"
  handler       = "handler.handle"
  filename      = "worker.zip"
}
