# expect: aws_kms_key.hidden FAIL
# expect: aws_s3_bucket.by_its_region FAIL
# expect: aws_lambda_function.told_all FAIL

# No output speaks of it.
resource "aws_kms_key" "hidden" {
  description = "Table and logs"
}

resource "aws_s3_bucket" "by_its_region" {
  bucket = "orders-exports"
}

# Neither the bucket's name nor its ARN.
output "exports_region" {
  value = aws_s3_bucket.by_its_region.region
}

resource "aws_lambda_function" "told_all" {
  function_name = "orders"
  role          = "arn:aws:iam::111122223333:role/orders"
  filename      = "orders.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"

  environment {
    variables = {
      PAYMENT_TOKEN = "0123456789"
    }
  }
}

output "function_arn" {
  value = aws_lambda_function.told_all.arn
}

# What is in the environment is not for everybody who sees the outputs.
output "function_environment" {
  value = aws_lambda_function.told_all.environment[0].variables
}
