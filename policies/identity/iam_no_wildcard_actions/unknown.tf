# expect: aws_iam_policy.text_from_elsewhere UNKNOWN
# expect: aws_iam_policy.action_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "permissions" {
  input = { action = "dynamodb:GetItem", policy = "{}" }
}

resource "aws_iam_policy" "text_from_elsewhere" {
  name   = "from-elsewhere"
  policy = terraform_data.permissions.output.policy
}

data "aws_iam_policy_document" "action_from_elsewhere" {
  statement {
    actions   = [terraform_data.permissions.output.action]
    resources = ["arn:aws:dynamodb:us-east-1:111122223333:table/orders"]
  }
}

resource "aws_iam_policy" "action_from_elsewhere" {
  name   = "action-from-elsewhere"
  policy = data.aws_iam_policy_document.action_from_elsewhere.json
}
