# expect: aws_lambda_function.role_from_elsewhere UNKNOWN
# expect: aws_lambda_function.subnet_from_elsewhere UNKNOWN

resource "aws_vpc" "unclear" {
  cidr_block = "10.3.0.0/16"
}

resource "aws_subnet" "unclear" {
  vpc_id     = aws_vpc.unclear.id
  cidr_block = "10.3.0.0/24"
}

# What a role of another stack allows can't be seen here.
resource "aws_lambda_function" "role_from_elsewhere" {
  function_name = "exports"
  role          = "arn:aws:iam::111122223333:role/exports"
  filename      = "exports.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"

  vpc_config {
    subnet_ids         = [aws_subnet.unclear.id]
    security_group_ids = [aws_vpc.unclear.default_security_group_id]
  }
}

resource "aws_iam_role" "unclear" {
  name = "imports"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })

  inline_policy {
    name = "imports"
    policy = jsonencode({
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = "sqs:SendMessage", Resource = "arn:aws:sqs:us-east-1:111122223333:imports" }]
    })
  }
}

# Neither can the routes of a subnet of another stack.
resource "aws_lambda_function" "subnet_from_elsewhere" {
  function_name = "imports"
  role          = aws_iam_role.unclear.arn
  filename      = "imports.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"

  vpc_config {
    subnet_ids         = ["subnet-0123456789abcdef0"]
    security_group_ids = ["sg-0123456789abcdef0"]
  }
}
