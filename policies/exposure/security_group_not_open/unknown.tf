# expect: aws_security_group.rules_from_elsewhere UNKNOWN
# expect: aws_security_group_rule.range_from_elsewhere UNKNOWN
# expect: aws_vpc_security_group_ingress_rule.range_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "allowed" {
  input = ["10.0.0.0/8"]
}

resource "aws_security_group" "rules_from_elsewhere" {
  name = "exports"

  dynamic "ingress" {
    for_each = terraform_data.allowed.output

    content {
      protocol    = "tcp"
      from_port   = 443
      to_port     = 443
      cidr_blocks = [ingress.value]
    }
  }
}

resource "aws_security_group_rule" "range_from_elsewhere" {
  type              = "ingress"
  security_group_id = aws_security_group.rules_from_elsewhere.id
  protocol          = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_blocks       = terraform_data.allowed.output
}

resource "aws_vpc_security_group_ingress_rule" "range_from_elsewhere" {
  security_group_id = aws_security_group.rules_from_elsewhere.id
  ip_protocol       = "-1"
  cidr_ipv4         = terraform_data.allowed.output[0]
}
