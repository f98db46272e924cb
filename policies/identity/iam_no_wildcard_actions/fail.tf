# expect: aws_iam_policy.everything FAIL
# expect: aws_iam_user_policy.service FAIL
# expect: aws_iam_group_policy.second_statement FAIL
# expect: aws_iam_role_policy.all_but FAIL
# expect: aws_iam_role.inline_service FAIL

resource "aws_iam_policy" "everything" {
  name = "everything"

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }]
  })
}

resource "aws_iam_user_policy" "service" {
  name = "buckets"
  user = "uploader"

  policy = <<-EOT
    {
      "Version": "2012-10-17",
      "Statement": {"Effect": "Allow", "Action": ["s3:*"], "Resource": "arn:aws:s3:::uploads/*"}
    }
  EOT
}

resource "aws_iam_group_policy" "second_statement" {
  name  = "queues"
  group = "operators"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["sqs:ReceiveMessage"], Resource = "arn:aws:sqs:us-east-1:111122223333:orders" },
      { Effect = "Allow", Action = ["sqs:*"], Resource = "arn:aws:sqs:us-east-1:111122223333:refunds" },
    ]
  })
}

# Everything except IAM: the rest of AWS, and what AWS will add to it.
data "aws_iam_policy_document" "all_but_iam" {
  statement {
    sid         = "AllButIam"
    not_actions = ["iam:*"]
    resources   = ["*"]
  }
}

resource "aws_iam_role_policy" "all_but" {
  name   = "all-but-iam"
  role   = "deployer"
  policy = data.aws_iam_policy_document.all_but_iam.json
}

resource "aws_iam_role" "inline_service" {
  name = "inline-service"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })

  inline_policy {
    name = "tables"
    policy = jsonencode({
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = ["dynamodb:*"], Resource = "arn:aws:dynamodb:us-east-1:111122223333:table/orders" }]
    })
  }
}
