# expect: aws_iam_role.everybody FAIL
# expect: aws_iam_role.everybody_with_condition FAIL
# expect: aws_iam_role.another_account FAIL
# expect: aws_iam_role.condition_for_strangers FAIL
# expect: aws_iam_role.every_pipeline FAIL

resource "aws_iam_role" "everybody" {
  name = "everybody"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = "*" }]
  })
}

# A role names who may assume it, whatever the condition.
resource "aws_iam_role" "everybody_with_condition" {
  name = "everybody-with-condition"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = "*" }
      Condition = { StringEquals = { "sts:ExternalId" = "orders-7f3a" } }
    }]
  })
}

data "aws_iam_policy_document" "another_account" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::111122223333:root"]
    }
  }
}

resource "aws_iam_role" "another_account" {
  name               = "another-account"
  assume_role_policy = data.aws_iam_policy_document.another_account.json
}

# Whoever brings no external id at all meets an IfExists; any id matches a "*".
resource "aws_iam_role" "condition_for_strangers" {
  name = "condition-for-strangers"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = "111122223333" }
      Condition = {
        StringEqualsIfExists = { "aws:PrincipalOrgID" = "o-exampleorg1" }
        StringLike           = { "sts:ExternalId" = "*" }
      }
    }]
  })
}

# Every repository of GitHub, not just one's own.
resource "aws_iam_role" "every_pipeline" {
  name = "every-pipeline"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
      Condition = {
        StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }
      }
    }]
  })
}
