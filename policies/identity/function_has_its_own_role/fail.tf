# expect: aws_iam_role.shared FAIL
# expect: aws_lambda_function.archiver NOT_APPLICABLE
# expect: aws_lambda_function.cleaner NOT_APPLICABLE
# expect: aws_lambda_function.importer FAIL
# expect: aws_lambda_function.exporter FAIL

resource "aws_iam_role" "shared" {
  name = "shared"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_lambda_function" "archiver" {
  function_name = "archiver"
  role          = aws_iam_role.shared.arn
  runtime       = "python3.13"
  handler       = "handler.handle"
  s3_bucket     = "acme-dev-packages"
  s3_key        = "archiver.zip"
}

resource "aws_lambda_function" "cleaner" {
  function_name = "cleaner"
  role          = aws_iam_role.shared.arn
  runtime       = "python3.13"
  handler       = "handler.handle"
  s3_bucket     = "acme-dev-packages"
  s3_key        = "cleaner.zip"
}

# They share a role that is not in the stack.
resource "aws_lambda_function" "importer" {
  function_name = "importer"
  role          = "arn:aws:iam::111122223333:role/transfer"
  runtime       = "python3.13"
  handler       = "handler.handle"
  s3_bucket     = "acme-dev-packages"
  s3_key        = "importer.zip"
}

resource "aws_lambda_function" "exporter" {
  function_name = "exporter"
  role          = "arn:aws:iam::111122223333:role/transfer"
  runtime       = "python3.13"
  handler       = "handler.handle"
  s3_bucket     = "acme-dev-packages"
  s3_key        = "exporter.zip"
}
