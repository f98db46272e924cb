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

resource "aws_iam_role" "other" {
  name = "acme-dev-other"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_lambda_function" "reader" {
  function_name = "acme-dev-reader"
  role          = aws_iam_role.worker.arn
  runtime       = "python3.13"
  handler       = "handler.handle"
  filename      = "worker.zip"
}

resource "aws_lambda_function" "writer" {
  function_name = "acme-dev-writer"
  role          = aws_iam_role.other.arn
  runtime       = "python3.13"
  handler       = "handler.handle"
  filename      = "worker.zip"
}
