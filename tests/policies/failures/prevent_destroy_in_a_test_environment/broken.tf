# found by CKV_TAP_204: aws_kms_key.main

resource "aws_kms_key" "main" {
  enable_key_rotation = true

  lifecycle {
    prevent_destroy = true
  }
}
