# found by CKV_TAP_106: aws_cloudwatch_log_group.worker

resource "aws_cloudwatch_log_group" "worker" {
  name              = "/aws/lambda/acme-dev-worker"
  retention_in_days = 14
}
