# expect: aws_security_group.block FAIL
# expect: aws_security_group.block_of_six FAIL
# expect: aws_security_group.attribute FAIL
# expect: aws_security_group.two_halves FAIL
# expect: aws_default_security_group.open FAIL
# expect: aws_security_group_rule.ssh FAIL
# expect: aws_security_group_rule.ssh_of_six FAIL
# expect: aws_vpc_security_group_ingress_rule.everything FAIL
# expect: aws_vpc_security_group_ingress_rule.everything_of_six FAIL

resource "aws_security_group" "block" {
  name = "orders-block"

  ingress {
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["10.0.0.0/8", "0.0.0.0/0"]
  }
}

resource "aws_security_group" "block_of_six" {
  name = "orders-block-of-six"

  ingress {
    protocol         = "tcp"
    from_port        = 443
    to_port          = 443
    ipv6_cidr_blocks = ["::/0"]
  }
}

resource "aws_security_group" "attribute" {
  name = "orders-attribute"

  ingress = [{
    description      = "SSH"
    protocol         = "tcp"
    from_port        = 22
    to_port          = 22
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = []
    prefix_list_ids  = []
    security_groups  = []
    self             = false
  }]
}

# Together they are the whole internet.
resource "aws_security_group" "two_halves" {
  name = "orders-two-halves"

  ingress {
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["0.0.0.0/1", "128.0.0.0/1"]
  }
}

resource "aws_default_security_group" "open" {
  ingress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group_rule" "ssh" {
  type              = "ingress"
  security_group_id = aws_security_group.block.id
  protocol          = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_blocks       = ["0.0.0.0/0"]
}

resource "aws_security_group_rule" "ssh_of_six" {
  type              = "ingress"
  security_group_id = aws_security_group.block.id
  protocol          = "tcp"
  from_port         = 22
  to_port           = 22
  ipv6_cidr_blocks  = ["::/0"]
}

resource "aws_vpc_security_group_ingress_rule" "everything" {
  security_group_id = aws_security_group.block.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

# Another spelling of ::/0.
resource "aws_vpc_security_group_ingress_rule" "everything_of_six" {
  security_group_id = aws_security_group.block.id
  ip_protocol       = "-1"
  cidr_ipv6         = "::0/0"
}
