# expect: aws_kms_key.unset FAIL
# expect: aws_kms_key.off FAIL
# expect: aws_kms_key.too_seldom FAIL

# Rotation is off unless it is asked for.
resource "aws_kms_key" "unset" {
  description = "Table and logs"
}

resource "aws_kms_key" "off" {
  description         = "Table and logs"
  enable_key_rotation = false
}

resource "aws_kms_key" "too_seldom" {
  description             = "Table and logs"
  enable_key_rotation     = true
  rotation_period_in_days = 730
}
