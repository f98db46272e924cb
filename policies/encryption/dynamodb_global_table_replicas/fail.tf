# expect: aws_dynamodb_table.no_stream FAIL
# expect: aws_dynamodb_table.keys_only FAIL
# expect: aws_dynamodb_table.no_recovery FAIL
# expect: aws_dynamodb_table.key_of_the_table FAIL
# expect: aws_dynamodb_table.key_of_another_region FAIL
# expect: aws_dynamodb_table.replica_key_by_arn FAIL
# expect: aws_dynamodb_table.no_key FAIL
# expect: aws_dynamodb_table.in_its_own_region FAIL
# expect: aws_dynamodb_table.twice FAIL
# expect: aws_dynamodb_table.separate_without_stream FAIL
# expect: aws_dynamodb_table_replica.separate_with_key_of_the_table FAIL

resource "aws_dynamodb_table" "no_stream" {
  provider = aws.east

  name         = "a-orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

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

resource "aws_dynamodb_table" "keys_only" {
  provider = aws.east

  name         = "b-orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  stream_enabled   = true
  stream_view_type = "KEYS_ONLY"

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

# The table's own recovery is not the replica's.
resource "aws_dynamodb_table" "no_recovery" {
  provider = aws.east

  name         = "c-orders"
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

  point_in_time_recovery {
    enabled = true
  }

  replica {
    region_name = "us-west-2"
    kms_key_arn = aws_kms_key.west.arn
  }
}

resource "aws_dynamodb_table" "key_of_the_table" {
  provider = aws.east

  name         = "d-orders"
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
    kms_key_arn            = aws_kms_key.east.arn
    point_in_time_recovery = true
  }
}

resource "aws_dynamodb_table" "key_of_another_region" {
  provider = aws.east

  name         = "e-orders"
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
    kms_key_arn            = aws_kms_key.ireland.arn
    point_in_time_recovery = true
  }
}

resource "aws_dynamodb_table" "replica_key_by_arn" {
  provider = aws.east

  name         = "f-orders"
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
    kms_key_arn            = "arn:aws:kms:us-east-1:123456789012:key/1f2e3d4c-0000-4000-8000-000000000000"
    point_in_time_recovery = true
  }
}

resource "aws_dynamodb_table" "no_key" {
  provider = aws.east

  name         = "g-orders"
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
    point_in_time_recovery = true
  }
}

resource "aws_dynamodb_table" "in_its_own_region" {
  provider = aws.east

  name         = "h-orders"
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
    region_name            = "us-east-1"
    kms_key_arn            = aws_kms_key.east.arn
    point_in_time_recovery = true
  }
}

resource "aws_dynamodb_table" "twice" {
  provider = aws.east

  name         = "i-orders"
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

  replica {
    region_name            = "us-west-2"
    kms_key_arn            = aws_kms_key.west.arn
    point_in_time_recovery = true
  }
}

resource "aws_dynamodb_table" "separate_without_stream" {
  provider = aws.east

  name         = "j-orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.east.arn
  }
}

resource "aws_dynamodb_table_replica" "separate_with_key_of_the_table" {
  provider = aws.west

  global_table_arn       = aws_dynamodb_table.separate_without_stream.arn
  kms_key_arn            = aws_kms_key.east.arn
  point_in_time_recovery = true
}
