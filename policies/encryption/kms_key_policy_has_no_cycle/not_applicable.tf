# expect: aws_kms_key.default_policy NOT_APPLICABLE

resource "aws_kms_key" "default_policy" {
  description = "Orders"
}
