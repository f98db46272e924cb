# expect: aws_lambda_function.isolated PASS
# expect: aws_lambda_function.writes_logs_only PASS

resource "aws_vpc" "isolated" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_subnet" "isolated" {
  for_each = { a = "10.0.0.0/24", b = "10.0.1.0/24" }

  vpc_id            = aws_vpc.isolated.id
  cidr_block        = each.value
  availability_zone = "us-east-1${each.key}"
}

resource "aws_route_table" "isolated" {
  vpc_id = aws_vpc.isolated.id
}

resource "aws_route_table_association" "isolated" {
  for_each = aws_subnet.isolated

  subnet_id      = each.value.id
  route_table_id = aws_route_table.isolated.id
}

# A gateway endpoint works for the route tables that it is in, an interface endpoint for the whole VPC.
resource "aws_vpc_endpoint" "dynamodb" {
  vpc_id            = aws_vpc.isolated.id
  service_name      = "com.amazonaws.us-east-1.dynamodb"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.isolated.id]
}

resource "aws_vpc_endpoint" "interface" {
  for_each = toset(["kms", "monitoring"])

  vpc_id              = aws_vpc.isolated.id
  service_name        = "com.amazonaws.us-east-1.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [for subnet in aws_subnet.isolated : subnet.id]
  private_dns_enabled = true
}

resource "aws_iam_role" "isolated" {
  name = "orders"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

data "aws_iam_policy_document" "isolated" {
  statement {
    actions   = ["dynamodb:PutItem"]
    resources = ["arn:aws:dynamodb:us-east-1:111122223333:table/orders"]
  }

  statement {
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"]
  }

  statement {
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "isolated" {
  name   = "orders"
  role   = aws_iam_role.isolated.id
  policy = data.aws_iam_policy_document.isolated.json
}

# Lambda makes the network interfaces and writes the logs itself, from its own network.
resource "aws_iam_role_policy_attachment" "isolated" {
  role       = aws_iam_role.isolated.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
}

resource "aws_lambda_function" "isolated" {
  function_name = "orders"
  role          = aws_iam_role.isolated.arn
  filename      = "orders.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"

  vpc_config {
    subnet_ids         = [for subnet in aws_subnet.isolated : subnet.id]
    security_group_ids = [aws_vpc.isolated.default_security_group_id]
  }
}

# The VPC's own main route table leads nowhere; neither need this function go anywhere.
resource "aws_subnet" "main_table" {
  vpc_id     = aws_vpc.isolated.id
  cidr_block = "10.0.2.0/24"
}

resource "aws_iam_role" "writes_logs_only" {
  name = "reports"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "writes_logs_only" {
  name = "reports"
  role = aws_iam_role.writes_logs_only.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/reports:*"
    }]
  })
}

resource "aws_lambda_function" "writes_logs_only" {
  function_name = "reports"
  role          = aws_iam_role.writes_logs_only.arn
  filename      = "reports.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"

  vpc_config {
    subnet_ids         = [aws_subnet.main_table.id]
    security_group_ids = [aws_vpc.isolated.default_security_group_id]
  }
}
