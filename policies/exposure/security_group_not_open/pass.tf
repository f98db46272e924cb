# expect: aws_security_group.service PASS
# expect: aws_security_group.attributes PASS
# expect: aws_default_security_group.empty PASS
# expect: aws_security_group_rule.from_office PASS
# expect: aws_vpc_security_group_ingress_rule.from_service PASS

resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_security_group" "service" {
  name   = "orders"
  vpc_id = aws_vpc.main.id

  ingress {
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["10.0.0.0/16"]
  }

  # Out to everywhere, which only `egress = "deny"` forbids.
  egress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}

# Rules may be written as an attribute as well.
resource "aws_security_group" "attributes" {
  name   = "payments"
  vpc_id = aws_vpc.main.id

  ingress = [{
    description      = "HTTPS from inside"
    protocol         = "tcp"
    from_port        = 443
    to_port          = 443
    cidr_blocks      = []
    ipv6_cidr_blocks = ["fd00::/8"]
    prefix_list_ids  = []
    security_groups  = []
    self             = false
  }]
}

# Without rules of its own the VPC's default group lets nobody in or out.
resource "aws_default_security_group" "empty" {
  vpc_id = aws_vpc.main.id
}

resource "aws_security_group_rule" "from_office" {
  type              = "ingress"
  security_group_id = aws_security_group.service.id
  protocol          = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_blocks       = ["203.0.113.0/24"]
}

resource "aws_vpc_security_group_ingress_rule" "from_service" {
  security_group_id            = aws_security_group.attributes.id
  referenced_security_group_id = aws_security_group.service.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}
