# expect: aws_kms_key.signing NOT_APPLICABLE
# expect: aws_kms_key.hmac NOT_APPLICABLE
# expect: aws_kms_key.primary PASS
# expect: aws_kms_replica_key.replica NOT_APPLICABLE

resource "aws_kms_key" "signing" {
  description              = "Signatures of releases"
  customer_master_key_spec = "RSA_3072"
  key_usage                = "SIGN_VERIFY"
}

resource "aws_kms_key" "hmac" {
  description              = "Signatures of webhooks"
  customer_master_key_spec = "HMAC_256"
  key_usage                = "GENERATE_VERIFY_MAC"
}

resource "aws_kms_key" "primary" {
  description         = "Table in two regions"
  multi_region        = true
  enable_key_rotation = true
}

# A replica has its primary's key material, and rotates with it.
resource "aws_kms_replica_key" "replica" {
  description     = "Table in two regions"
  primary_key_arn = aws_kms_key.primary.arn
}
