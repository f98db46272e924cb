# expect: aws_kms_key.policy_from_elsewhere UNKNOWN
# expect: aws_kms_key.service_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "access" {
  input = { policy = "{}", service = "logs.us-east-1.amazonaws.com" }
}

resource "aws_kms_key" "policy_from_elsewhere" {
  provider = aws.here

  description = "Logs"
  policy      = terraform_data.access.output.policy
}

resource "aws_cloudwatch_log_group" "policy_from_elsewhere" {
  provider = aws.here

  name       = "/aws/lambda/y-orders"
  kms_key_id = aws_kms_key.policy_from_elsewhere.arn
}

resource "aws_kms_key" "service_from_elsewhere" {
  provider = aws.here

  description = "Logs"
  policy      = data.aws_iam_policy_document.service_from_elsewhere.json
}

data "aws_iam_policy_document" "service_from_elsewhere" {
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::123456789012:root"]
    }
  }

  statement {
    sid       = "Logs"
    actions   = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = [terraform_data.access.output.service]
    }
  }
}

resource "aws_cloudwatch_log_group" "service_from_elsewhere" {
  provider = aws.here

  name       = "/aws/lambda/z-orders"
  kms_key_id = aws_kms_key.service_from_elsewhere.arn
}
