# expect: aws_kms_key.yearly PASS
# expect: aws_kms_key.quarterly PASS

# AWS rotates once a year where no period is given.
resource "aws_kms_key" "yearly" {
  description         = "Table and logs"
  enable_key_rotation = true
}

resource "aws_kms_key" "quarterly" {
  description             = "Card data"
  enable_key_rotation     = true
  rotation_period_in_days = 90
}
