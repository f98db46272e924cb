# expect: aws_dynamodb_table.own_key PASS
# expect: aws_dynamodb_table.foreign_key PASS

resource "aws_kms_key" "table" {
  description = "Table"
}

# Which key it will be is settled, although its ARN is known only after apply.
resource "aws_dynamodb_table" "own_key" {
  name         = "orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.table.arn
  }
}

resource "aws_dynamodb_table" "foreign_key" {
  name         = "payments"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1f2e3d4c-0000-4000-8000-000000000000"
  }
}
