resource "aws_ssm_parameter" "endpoint" {
  name  = "${local.prefix}/endpoint"
  type  = "String"
  value = aws_cloudwatch_log_group.service.arn
}

resource "aws_cloudwatch_log_group" "service" {
  name              = local.prefix
  retention_in_days = var.retention_days
  kms_key_id        = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
}
