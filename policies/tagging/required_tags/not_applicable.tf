# expect: aws_kms_alias.main NOT_APPLICABLE

# AWS has no tags for aliases.
resource "aws_kms_alias" "main" {
  name          = "alias/orders"
  target_key_id = "11111111-2222-3333-4444-555555555555"
}
