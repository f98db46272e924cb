# expect: aws_iam_policy.listed PASS
# expect: aws_iam_role_policy.from_document PASS
# expect: aws_iam_user_policy.denies PASS
# expect: aws_iam_role.reader NOT_APPLICABLE
# expect: aws_iam_role.inline PASS

resource "aws_dynamodb_table" "orders" {
  name         = "orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }
}

# The table's ARN is known after apply; the actions are known now.
resource "aws_iam_policy" "listed" {
  name = "orders"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["dynamodb:GetItem", "dynamodb:PutItem"]
      Resource = aws_dynamodb_table.orders.arn
    }]
  })
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    actions   = ["dynamodb:GetItem", "dynamodb:Query"]
    resources = [aws_dynamodb_table.orders.arn]
  }
}

# Without inline policies there is nothing to judge here.
resource "aws_iam_role" "reader" {
  name               = "reader"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "from_document" {
  name   = "orders"
  role   = aws_iam_role.reader.id
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_role" "inline" {
  name               = "inline"
  assume_role_policy = data.aws_iam_policy_document.assume.json

  inline_policy {
    name   = "orders"
    policy = data.aws_iam_policy_document.read.json
  }
}

# A Deny may be as wide as it likes.
resource "aws_iam_user_policy" "denies" {
  name = "no-keys"
  user = "auditor"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = "kms:*", Resource = "*" },
      { Effect = "Deny", NotAction = ["iam:GetUser", "iam:ChangePassword"], Resource = "*" },
    ]
  })
}
