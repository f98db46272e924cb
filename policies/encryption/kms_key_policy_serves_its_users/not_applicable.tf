# expect: aws_kms_key.table_only NOT_APPLICABLE

# DynamoDB uses the key as whoever reads the table: IAM says who may.
resource "aws_kms_key" "table_only" {
  description = "Table"
}

resource "aws_dynamodb_table" "table_only" {
  name         = "orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.table_only.arn
  }
}
