# found by CKV_TAP_105: aws_dynamodb_table.orders

provider "aws" {
  region = "us-east-1"
}

provider "aws" {
  alias  = "west"
  region = "us-west-2"
}

resource "aws_kms_key" "east" {
  enable_key_rotation = true
}

resource "aws_kms_key" "west" {
  provider            = aws.west
  enable_key_rotation = true
}

resource "aws_dynamodb_table" "orders" {
  name         = "acme-dev-orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.east.arn
  }

  replica {
    region_name            = "us-west-2"
    point_in_time_recovery = false
    kms_key_arn            = aws_kms_key.west.arn
  }
}
