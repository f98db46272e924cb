variable "company" {
  default = "acme"
}

variable "environment" {
  default = "dev"
}

resource "aws_sqs_queue" "jobs" {
  name = "${var.company}-${var.environment}-jobs"
}
