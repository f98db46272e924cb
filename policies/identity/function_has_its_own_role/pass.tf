# expect: aws_iam_role.reader PASS
# expect: aws_iam_role.writer PASS
# expect: aws_iam_role.deployer NOT_APPLICABLE
# expect: aws_lambda_function.reader NOT_APPLICABLE
# expect: aws_lambda_function.writer NOT_APPLICABLE
# expect: aws_lambda_function.role_elsewhere PASS

resource "aws_iam_role" "reader" {
  name = "reader"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_iam_role" "writer" {
  name = "writer"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

# No function uses this one.
resource "aws_iam_role" "deployer" {
  name = "deployer"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_lambda_function" "reader" {
  function_name = "reader"
  role          = aws_iam_role.reader.arn
  runtime       = "python3.13"
  handler       = "handler.handle"
  s3_bucket     = "acme-dev-packages"
  s3_key        = "reader.zip"
}

resource "aws_lambda_function" "writer" {
  function_name = "writer"
  role          = aws_iam_role.writer.arn
  runtime       = "python3.13"
  handler       = "handler.handle"
  s3_bucket     = "acme-dev-packages"
  s3_key        = "writer.zip"
}

# A role that is not in the stack is judged at the function.
resource "aws_lambda_function" "role_elsewhere" {
  function_name = "role_elsewhere"
  role          = "arn:aws:iam::111122223333:role/archiver"
  runtime       = "python3.13"
  handler       = "handler.handle"
  s3_bucket     = "acme-dev-packages"
  s3_key        = "role_elsewhere.zip"
}
