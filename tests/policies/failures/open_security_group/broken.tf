# found by CKV_TAP_802: aws_security_group.worker

resource "aws_security_group" "worker" {
  name = "acme-dev-worker"

  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
