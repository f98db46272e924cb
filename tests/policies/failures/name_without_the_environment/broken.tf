# found by CKV_TAP_502: aws_sqs_queue.jobs

variable "company" {
  default = "acme"
}

variable "environment" {
  default = "dev"
}

resource "aws_sqs_queue" "jobs" {
  name = "${var.company}-jobs"
}
