# expect: aws_security_group_rule.out NOT_APPLICABLE
# expect: aws_vpc_security_group_egress_rule.out NOT_APPLICABLE

# Out to everywhere, which only `egress = "deny"` forbids.
resource "aws_security_group_rule" "out" {
  type              = "egress"
  security_group_id = "sg-0123456789abcdef0"
  protocol          = "-1"
  from_port         = 0
  to_port           = 0
  cidr_blocks       = ["0.0.0.0/0"]
}

resource "aws_vpc_security_group_egress_rule" "out" {
  security_group_id = "sg-0123456789abcdef0"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}
