# expect: aws_dynamodb_table.replica_recovery_from_elsewhere UNKNOWN
# expect: aws_dynamodb_table.replica_key_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "replica" {
  input = { recovery = true, key = null }
}

resource "aws_dynamodb_table" "replica_recovery_from_elsewhere" {
  provider = aws.east

  name         = "y-orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "id"
    type = "S"
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.east.arn
  }

  replica {
    region_name            = "us-west-2"
    kms_key_arn            = aws_kms_key.west.arn
    point_in_time_recovery = terraform_data.replica.output.recovery
  }
}

resource "aws_dynamodb_table" "replica_key_from_elsewhere" {
  provider = aws.east

  name         = "z-orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "id"
    type = "S"
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.east.arn
  }

  replica {
    region_name            = "us-west-2"
    kms_key_arn            = terraform_data.replica.output.key
    point_in_time_recovery = true
  }
}
