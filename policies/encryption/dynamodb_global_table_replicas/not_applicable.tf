# expect: aws_dynamodb_table.one_region NOT_APPLICABLE

resource "aws_dynamodb_table" "one_region" {
  provider = aws.east

  name         = "alone"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }
}
