variable "name" {
  type = string
}

variable "days" {
  type = number
}

module "names" {
  source = "../names"
  parts  = [var.name, "dev"]
}

resource "aws_cloudwatch_log_group" "this" {
  name              = module.names.path
  retention_in_days = var.days
  kms_key_id        = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
}

output "log_group" {
  value = aws_cloudwatch_log_group.this.name
}
