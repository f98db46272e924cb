# expect: aws_dynamodb_table.from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "recovery" {
  input = true
}

resource "aws_dynamodb_table" "from_elsewhere" {
  name         = "orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  point_in_time_recovery {
    enabled = terraform_data.recovery.output
  }
}
