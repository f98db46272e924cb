# expect: aws_iam_role_policy_attachment.administrator FAIL
# expect: aws_iam_user_policy_attachment.power_user FAIL
# expect: aws_iam_group_policy_attachment.full_access FAIL
# expect: aws_iam_policy_attachment.iam FAIL
# expect: aws_iam_role.listed FAIL
# expect: aws_iam_role_policy_attachments_exclusive.only FAIL

resource "aws_iam_role_policy_attachment" "administrator" {
  role       = "deployer"
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}

resource "aws_iam_user_policy_attachment" "power_user" {
  user       = "developer"
  policy_arn = "arn:aws:iam::aws:policy/PowerUserAccess"
}

resource "aws_iam_group_policy_attachment" "full_access" {
  group      = "operators"
  policy_arn = "arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess"
}

resource "aws_iam_policy_attachment" "iam" {
  name       = "iam"
  roles      = ["deployer"]
  policy_arn = "arn:aws-us-gov:iam::aws:policy/IAMFullAccess"
}

resource "aws_iam_role" "listed" {
  name = "listed"

  managed_policy_arns = [
    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    "arn:aws:iam::aws:policy/AmazonS3FullAccess",
  ]

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachments_exclusive" "only" {
  role_name   = aws_iam_role.listed.name
  policy_arns = ["arn:aws:iam::aws:policy/AdministratorAccess"]
}
