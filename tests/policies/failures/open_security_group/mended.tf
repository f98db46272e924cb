resource "aws_security_group" "worker" {
  name = "acme-dev-worker"

  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/16"]
  }
}
