# expect: aws_lambda_function.in_no_vpc NOT_APPLICABLE
# expect: aws_lambda_function.nat NOT_APPLICABLE
# expect: aws_lambda_function.nat_of_main_table NOT_APPLICABLE

resource "aws_lambda_function" "in_no_vpc" {
  function_name = "orders"
  role          = "arn:aws:iam::111122223333:role/orders"
  filename      = "orders.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"
}

resource "aws_vpc" "with_nat" {
  cidr_block = "10.2.0.0/16"
}

resource "aws_subnet" "with_nat" {
  vpc_id     = aws_vpc.with_nat.id
  cidr_block = "10.2.0.0/24"
}

resource "aws_route_table" "with_nat" {
  vpc_id = aws_vpc.with_nat.id
}

resource "aws_route" "nat" {
  route_table_id         = aws_route_table.with_nat.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = "nat-0123456789abcdef0"
}

resource "aws_route_table_association" "with_nat" {
  subnet_id      = aws_subnet.with_nat.id
  route_table_id = aws_route_table.with_nat.id
}

resource "aws_lambda_function" "nat" {
  function_name = "payments"
  role          = "arn:aws:iam::111122223333:role/payments"
  filename      = "payments.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"

  vpc_config {
    subnet_ids         = [aws_subnet.with_nat.id]
    security_group_ids = [aws_vpc.with_nat.default_security_group_id]
  }
}

# A subnet without a route table of its own has the VPC's main one.
resource "aws_subnet" "of_main_table" {
  vpc_id     = aws_vpc.with_nat.id
  cidr_block = "10.2.1.0/24"
}

resource "aws_default_route_table" "with_nat" {
  default_route_table_id = aws_vpc.with_nat.default_route_table_id

  route {
    cidr_block     = "0.0.0.0/0"
    nat_gateway_id = "nat-0123456789abcdef0"
  }
}

resource "aws_lambda_function" "nat_of_main_table" {
  function_name = "refunds"
  role          = "arn:aws:iam::111122223333:role/refunds"
  filename      = "refunds.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"

  vpc_config {
    subnet_ids         = [aws_subnet.of_main_table.id]
    security_group_ids = [aws_vpc.with_nat.default_security_group_id]
  }
}
