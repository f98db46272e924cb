# expect: aws_iam_policy.resource_from_elsewhere UNKNOWN
# expect: aws_iam_policy.action_without_data UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "table" {
  input = "arn:aws:dynamodb:us-east-1:111122223333:table/orders"
}

resource "aws_iam_policy" "resource_from_elsewhere" {
  name = "from-elsewhere"

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "dynamodb:GetItem", Resource = terraform_data.table.output }]
  })
}

# No such action is in the authorization data.
resource "aws_iam_policy" "action_without_data" {
  name = "brand-new"

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "dynamodb:TeleportItem", Resource = "*" }]
  })
}
