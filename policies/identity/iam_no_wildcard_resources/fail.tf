# expect: aws_iam_policy.every_table FAIL
# expect: aws_iam_policy.every_bucket FAIL
# expect: aws_iam_policy.beside_one_that_cannot FAIL
# expect: aws_iam_policy.partial_wildcard FAIL
# expect: aws_iam_policy.all_but_one FAIL

data "aws_iam_policy_document" "every_table" {
  statement {
    sid       = "ReadOrders"
    actions   = ["dynamodb:GetItem"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "every_table" {
  name   = "every-table"
  policy = data.aws_iam_policy_document.every_table.json
}

# An ARN that leaves everything open.
resource "aws_iam_policy" "every_bucket" {
  name = "every-bucket"

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::*" }]
  })
}

# xray:PutTraceSegments needs "*", sqs:SendMessage does not: they belong in two statements.
resource "aws_iam_policy" "beside_one_that_cannot" {
  name = "traces-and-messages"

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["xray:PutTraceSegments", "sqs:SendMessage"], Resource = "*" }]
  })
}

resource "aws_iam_policy" "partial_wildcard" {
  name = "keys"

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "kms:Generate*", Resource = "*" }]
  })
}

resource "aws_iam_policy" "all_but_one" {
  name = "all-but-one"

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sns:Publish", NotResource = "arn:aws:sns:us-east-1:111122223333:audit" }]
  })
}
