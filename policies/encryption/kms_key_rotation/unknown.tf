# expect: aws_kms_key.rotation_from_elsewhere UNKNOWN
# expect: aws_kms_key.period_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "rotation" {
  input = { enabled = true, days = 180 }
}

resource "aws_kms_key" "rotation_from_elsewhere" {
  description         = "Table and logs"
  enable_key_rotation = terraform_data.rotation.output.enabled
}

resource "aws_kms_key" "period_from_elsewhere" {
  description             = "Table and logs"
  enable_key_rotation     = true
  rotation_period_in_days = terraform_data.rotation.output.days
}
