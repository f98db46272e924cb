# expect: aws_dynamodb_table.unset PASS
# expect: aws_dynamodb_table.off PASS
# expect: aws_s3_bucket.forced PASS
# expect: aws_s3_bucket.by_protection PASS
# expect: aws_cognito_user_pool.inactive PASS
# expect: aws_qldb_ledger.off PASS

# DynamoDB does not protect a table unless it is asked to.
resource "aws_dynamodb_table" "unset" {
  name         = "orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }
}

resource "aws_dynamodb_table" "off" {
  name                        = "payments"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  deletion_protection_enabled = false

  attribute {
    name = "id"
    type = "S"
  }
}

resource "aws_s3_bucket" "forced" {
  bucket        = "orders-audit"
  force_destroy = true
}

variable "protection" {
  type    = bool
  default = null
}

locals {
  protection = coalesce(var.protection, false)
}

# One switch for tables and buckets, whose arguments say the opposite.
resource "aws_s3_bucket" "by_protection" {
  bucket        = "payments-audit"
  force_destroy = !local.protection
}

resource "aws_cognito_user_pool" "inactive" {
  name                = "customers"
  deletion_protection = "INACTIVE"
}

resource "aws_qldb_ledger" "off" {
  name                = "orders"
  permissions_mode    = "STANDARD"
  deletion_protection = false
}
