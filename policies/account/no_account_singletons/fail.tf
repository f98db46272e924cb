# expect: aws_config_configuration_recorder.main FAIL
# expect: aws_config_configuration_recorder_status.main FAIL
# expect: aws_config_delivery_channel.main FAIL
# expect: aws_guardduty_detector.main FAIL
# expect: aws_securityhub_account.main FAIL
# expect: aws_macie2_account.main FAIL
# expect: aws_s3_account_public_access_block.main FAIL
# expect: aws_iam_account_alias.main FAIL
# expect: aws_iam_account_password_policy.main FAIL
# expect: aws_ebs_encryption_by_default.main FAIL

# One recorder, one delivery channel to an account and region: the second stack's apply fails.
resource "aws_config_configuration_recorder" "main" {
  name     = "orders"
  role_arn = "arn:aws:iam::111122223333:role/config"
}

resource "aws_config_configuration_recorder_status" "main" {
  name       = aws_config_configuration_recorder.main.name
  is_enabled = true
  depends_on = [aws_config_delivery_channel.main]
}

resource "aws_config_delivery_channel" "main" {
  s3_bucket_name = "orders-config"
  depends_on     = [aws_config_configuration_recorder.main]
}

resource "aws_guardduty_detector" "main" {
  enable = true
}

resource "aws_securityhub_account" "main" {}

resource "aws_macie2_account" "main" {}

# What belongs to the account goes with the stack when it is destroyed.
resource "aws_s3_account_public_access_block" "main" {
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_iam_account_alias" "main" {
  account_alias = "orders-example"
}

resource "aws_iam_account_password_policy" "main" {
  minimum_password_length = 16
}

resource "aws_ebs_encryption_by_default" "main" {
  enabled = true
}
