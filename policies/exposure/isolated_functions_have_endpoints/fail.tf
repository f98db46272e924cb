# expect: aws_lambda_function.no_endpoint FAIL
# expect: aws_lambda_function.other_route_table FAIL
# expect: aws_lambda_function.no_private_dns FAIL
# expect: aws_lambda_function.internet_gateway FAIL

resource "aws_vpc" "lacking" {
  cidr_block           = "10.1.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_internet_gateway" "lacking" {
  vpc_id = aws_vpc.lacking.id
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.lacking.id
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.lacking.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.lacking.id
  }
}

resource "aws_subnet" "private" {
  vpc_id     = aws_vpc.lacking.id
  cidr_block = "10.1.0.0/24"
}

resource "aws_subnet" "public" {
  vpc_id     = aws_vpc.lacking.id
  cidr_block = "10.1.1.0/24"
}

resource "aws_route_table_association" "private" {
  subnet_id      = aws_subnet.private.id
  route_table_id = aws_route_table.private.id
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

# In the wrong route table.
resource "aws_vpc_endpoint" "s3" {
  vpc_id          = aws_vpc.lacking.id
  service_name    = "com.amazonaws.us-east-1.s3"
  route_table_ids = [aws_route_table.public.id]
}

# Without private DNS the name that every SDK uses still leads to the internet.
resource "aws_vpc_endpoint" "sqs" {
  vpc_id            = aws_vpc.lacking.id
  service_name      = "com.amazonaws.us-east-1.sqs"
  vpc_endpoint_type = "Interface"
  subnet_ids        = [aws_subnet.private.id]
}

locals {
  actions = {
    no_endpoint       = "secretsmanager:GetSecretValue"
    other_route_table = "s3:GetObject"
    no_private_dns    = "sqs:SendMessage"
    internet_gateway  = "sns:Publish"
  }
}

resource "aws_iam_role" "lacking" {
  for_each = local.actions

  name = "orders-${each.key}"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "lacking" {
  for_each = local.actions

  name = "orders-${each.key}"
  role = aws_iam_role.lacking[each.key].id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = each.value, Resource = "arn:aws:*:us-east-1:111122223333:orders*" }]
  })
}

resource "aws_lambda_function" "no_endpoint" {
  function_name = "orders-no-endpoint"
  role          = aws_iam_role.lacking["no_endpoint"].arn
  filename      = "orders.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"

  vpc_config {
    subnet_ids         = [aws_subnet.private.id]
    security_group_ids = [aws_vpc.lacking.default_security_group_id]
  }
}

resource "aws_lambda_function" "other_route_table" {
  function_name = "orders-other-route-table"
  role          = aws_iam_role.lacking["other_route_table"].arn
  filename      = "orders.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"

  vpc_config {
    subnet_ids         = [aws_subnet.private.id]
    security_group_ids = [aws_vpc.lacking.default_security_group_id]
  }
}

resource "aws_lambda_function" "no_private_dns" {
  function_name = "orders-no-private-dns"
  role          = aws_iam_role.lacking["no_private_dns"].arn
  filename      = "orders.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"

  vpc_config {
    subnet_ids         = [aws_subnet.private.id]
    security_group_ids = [aws_vpc.lacking.default_security_group_id]
  }
}

# A function has no public address, so the internet gateway of a public subnet is no way out for it.
resource "aws_lambda_function" "internet_gateway" {
  function_name = "orders-internet-gateway"
  role          = aws_iam_role.lacking["internet_gateway"].arn
  filename      = "orders.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"

  vpc_config {
    subnet_ids         = [aws_subnet.public.id]
    security_group_ids = [aws_vpc.lacking.default_security_group_id]
  }
}
