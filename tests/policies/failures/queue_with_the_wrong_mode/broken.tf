# found by CKV_TAP_111: aws_sqs_queue.jobs

resource "aws_sqs_queue" "jobs" {
  name                    = "acme-dev-jobs"
  sqs_managed_sse_enabled = true
}
