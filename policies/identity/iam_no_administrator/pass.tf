# expect: aws_iam_role_policy_attachment.logs PASS
# expect: aws_iam_role_policy_attachment.own PASS
# expect: aws_iam_role.reader NOT_APPLICABLE
# expect: aws_iam_role.list_of_policies PASS

resource "aws_iam_role" "reader" {
  name = "reader"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.reader.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_iam_policy" "own" {
  name = "reads-orders"

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "dynamodb:GetItem", Resource = "arn:aws:dynamodb:us-east-1:111122223333:table/orders" }]
  })
}

# Its ARN is known after apply; that it is this policy is known now.
resource "aws_iam_role_policy_attachment" "own" {
  role       = aws_iam_role.reader.name
  policy_arn = aws_iam_policy.own.arn
}

resource "aws_iam_role" "list_of_policies" {
  name                = "list-of-policies"
  managed_policy_arns = ["arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"]

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}
