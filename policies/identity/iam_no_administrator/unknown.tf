# expect: aws_iam_role_policy_attachment.from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "policy" {
  input = "arn:aws:iam::aws:policy/AdministratorAccess"
}

resource "aws_iam_role_policy_attachment" "from_elsewhere" {
  role       = "deployer"
  policy_arn = terraform_data.policy.output
}
