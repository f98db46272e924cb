# expect: terraform_data.protection NOT_APPLICABLE
# expect: aws_dynamodb_table.from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "protection" {
  input = false
}

resource "aws_dynamodb_table" "from_elsewhere" {
  name                        = "exports"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  deletion_protection_enabled = terraform_data.protection.output

  attribute {
    name = "id"
    type = "S"
  }
}
