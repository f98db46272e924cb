# expect: aws_dynamodb_table.no_block FAIL
# expect: aws_dynamodb_table.switched_off FAIL
# expect: aws_dynamodb_table.aws_managed FAIL

# DynamoDB then uses a key that AWS owns.
resource "aws_dynamodb_table" "no_block" {
  name         = "orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }
}

resource "aws_dynamodb_table" "switched_off" {
  name         = "payments"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  server_side_encryption {
    enabled = false
  }
}

# Without an ARN it is the AWS-managed key, alias/aws/dynamodb: enough where `mode` is "aws-managed".
resource "aws_dynamodb_table" "aws_managed" {
  name         = "refunds"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  server_side_encryption {
    enabled = true
  }
}
