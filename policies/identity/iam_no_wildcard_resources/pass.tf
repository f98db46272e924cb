# expect: aws_iam_policy.named PASS
# expect: aws_iam_policy.cannot_be_scoped PASS
# expect: aws_iam_policy.in_a_vpc PASS
# expect: aws_iam_policy.part_of_an_arn PASS
# expect: aws_iam_role_policy.from_document PASS
# expect: aws_iam_role.reader NOT_APPLICABLE

resource "aws_dynamodb_table" "orders" {
  name         = "orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }
}

# The ARNs are known after apply, but ARNs they will be.
resource "aws_iam_policy" "named" {
  name = "orders"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["dynamodb:Query"]
      Resource = [aws_dynamodb_table.orders.arn, "${aws_dynamodb_table.orders.arn}/index/*"]
    }]
  })
}

# AWS knows no resources for these.
resource "aws_iam_policy" "cannot_be_scoped" {
  name = "tracing"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "cloudwatch:PutMetricData"]
      Resource = "*"
    }]
  })
}

# Lambda makes network interfaces, whose ids nobody knows beforehand.
resource "aws_iam_policy" "in_a_vpc" {
  name = "network-interfaces"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = [
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
      ]
      Resource = "*"
    }]
  })
}

resource "aws_iam_policy" "part_of_an_arn" {
  name = "uploads"

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:PutObject", Resource = "arn:aws:s3:::acme-dev-uploads/*" }]
  })
}

resource "aws_iam_role" "reader" {
  name = "reader"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

data "aws_iam_policy_document" "read" {
  statement {
    actions   = ["dynamodb:GetItem"]
    resources = [aws_dynamodb_table.orders.arn]
  }

  statement {
    effect    = "Deny"
    actions   = ["dynamodb:DeleteTable"]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "from_document" {
  name   = "orders"
  role   = aws_iam_role.reader.id
  policy = data.aws_iam_policy_document.read.json
}
