resource "aws_cloudwatch_log_group" "worker" {
  name              = "/aws/lambda/acme-dev-worker"
  retention_in_days = 14
}
