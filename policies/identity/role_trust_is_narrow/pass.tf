# expect: aws_iam_role.service PASS
# expect: aws_iam_role.partner PASS
# expect: aws_iam_role.organization PASS
# expect: aws_iam_role.role_of_the_stack PASS
# expect: aws_iam_role.pipeline PASS

data "aws_iam_policy_document" "lambda" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "service" {
  name               = "service"
  assume_role_policy = data.aws_iam_policy_document.lambda.json
}

# The external id keeps the partner from being talked into it by somebody else.
data "aws_iam_policy_document" "partner" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::111122223333:root"]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = ["orders-7f3a"]
    }
  }
}

resource "aws_iam_role" "partner" {
  name               = "partner"
  assume_role_policy = data.aws_iam_policy_document.partner.json
}

resource "aws_iam_role" "organization" {
  name = "organization"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = ["111122223333", "444455556666"] }
      Condition = { StringEquals = { "aws:PrincipalOrgID" = "o-exampleorg1" } }
    }]
  })
}

# Its ARN is known after apply; that it is a role of this account is known now.
resource "aws_iam_role" "role_of_the_stack" {
  name = "role-of-the-stack"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = aws_iam_role.service.arn } }]
  })
}

resource "aws_iam_role" "pipeline" {
  name = "pipeline"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
      Condition = {
        StringLike = { "token.actions.githubusercontent.com:sub" = "repo:acme/orders:*" }
      }
    }]
  })
}
