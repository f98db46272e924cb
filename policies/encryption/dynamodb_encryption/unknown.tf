# expect: aws_dynamodb_table.switch_from_elsewhere UNKNOWN
# expect: aws_dynamodb_table.key_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "encryption" {
  input = { enabled = true, key = null }
}

resource "aws_dynamodb_table" "switch_from_elsewhere" {
  name         = "orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  server_side_encryption {
    enabled = terraform_data.encryption.output.enabled
  }
}

resource "aws_dynamodb_table" "key_from_elsewhere" {
  name         = "payments"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = terraform_data.encryption.output.key
  }
}
