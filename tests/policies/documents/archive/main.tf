variable "key" {
  type = string
}

resource "aws_cloudwatch_log_group" "archive" {
  count = 2

  name              = "/archive/${count.index}"
  retention_in_days = 14
  kms_key_id        = var.key
}
