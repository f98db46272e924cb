# expect: aws_dynamodb_table.protected FAIL
# expect: aws_s3_bucket.unset FAIL
# expect: aws_cognito_user_pool.active FAIL
# expect: aws_qldb_ledger.unset FAIL
# expect: aws_sqs_queue.prevented FAIL

resource "aws_dynamodb_table" "protected" {
  name                        = "refunds"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  deletion_protection_enabled = true

  attribute {
    name = "id"
    type = "S"
  }
}

# S3 deletes no bucket that holds an object.
resource "aws_s3_bucket" "unset" {
  bucket = "payments-audit"
}

resource "aws_cognito_user_pool" "active" {
  name                = "staff"
  deletion_protection = "ACTIVE"
}

# A ledger is protected unless it says otherwise.
resource "aws_qldb_ledger" "unset" {
  name             = "payments"
  permissions_mode = "STANDARD"
}

resource "aws_sqs_queue" "prevented" {
  name = "refunds"

  lifecycle {
    prevent_destroy = true
  }
}
