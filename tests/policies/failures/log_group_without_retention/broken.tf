# found by CKV_TAP_301: aws_cloudwatch_log_group.worker

resource "aws_cloudwatch_log_group" "worker" {
  name = "/aws/lambda/acme-dev-worker"
}
