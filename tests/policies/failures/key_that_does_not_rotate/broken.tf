# found by CKV_TAP_101: aws_kms_key.main

resource "aws_kms_key" "main" {
  description = "orders"
}
