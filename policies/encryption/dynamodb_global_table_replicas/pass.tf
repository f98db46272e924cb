# expect: aws_dynamodb_table.two_keys PASS
# expect: aws_dynamodb_table.three_regions PASS
# expect: aws_dynamodb_table.aws_keys PASS
# expect: aws_dynamodb_table.separate PASS
# expect: aws_dynamodb_table_replica.separate PASS

provider "aws" {
  alias  = "east"
  region = "us-east-1"
}

provider "aws" {
  alias  = "west"
  region = "us-west-2"
}

provider "aws" {
  alias  = "ireland"
  region = "eu-west-1"
}

resource "aws_kms_key" "east" {
  provider = aws.east

  description = "Table in its own region"
}

resource "aws_kms_key" "west" {
  provider = aws.west

  description = "Replica in us-west-2"
}

resource "aws_kms_key" "ireland" {
  provider = aws.ireland

  description = "Replica in eu-west-1"
}

resource "aws_dynamodb_table" "two_keys" {
  provider = aws.east

  name         = "orders"
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
    point_in_time_recovery = true
  }
}

resource "aws_dynamodb_table" "three_regions" {
  provider = aws.east

  name         = "payments"
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
    point_in_time_recovery = true
  }

  replica {
    region_name            = "eu-west-1"
    kms_key_arn            = aws_kms_key.ireland.arn
    point_in_time_recovery = true
  }
}

# Where the table has no key of its own, neither needs a replica.
resource "aws_dynamodb_table" "aws_keys" {
  provider = aws.east

  name         = "refunds"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "id"
    type = "S"
  }

  replica {
    region_name            = "us-west-2"
    point_in_time_recovery = true
  }
}

resource "aws_dynamodb_table" "separate" {
  provider = aws.east

  name         = "returns"
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
}

resource "aws_dynamodb_table_replica" "separate" {
  provider = aws.west

  global_table_arn       = aws_dynamodb_table.separate.arn
  kms_key_arn            = aws_kms_key.west.arn
  point_in_time_recovery = true
}
