terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region                      = var.region
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "readers" {
  type    = set(string)
  default = ["b", "a"]
}

locals {
  services = { logs = ["kms:Decrypt"], sns = ["kms:GenerateDataKey"] }
}

resource "aws_sqs_queue" "each" {
  for_each = var.readers

  name = "queue-${each.key}"
}

resource "aws_kms_key" "main" {
  policy = data.aws_iam_policy_document.key.json
}

# Known when planned, statements from a dynamic block.
data "aws_iam_policy_document" "key" {
  dynamic "statement" {
    for_each = local.services

    content {
      sid       = title(statement.key)
      actions   = statement.value
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = ["${statement.key}.${var.region}.amazonaws.com"]
      }

      condition {
        test     = "StringLike"
        variable = "aws:SourceArn"
        values   = ["arn:aws:*:&{aws:username}"]
      }
    }
  }
}

# Read during apply.
data "aws_iam_policy_document" "base" {
  for_each = var.readers

  statement {
    sid       = "Receive"
    actions   = ["sqs:ReceiveMessage"]
    resources = [aws_sqs_queue.each[each.key].arn, "${aws_sqs_queue.each[each.key].arn}/*"]
  }

  statement {
    sid       = "Open"
    effect    = "Deny"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.main.arn]
  }
}

data "aws_iam_policy_document" "top" {
  source_policy_documents   = [data.aws_iam_policy_document.base["b"].json]
  override_policy_documents = [jsonencode({ Statement = { Sid = "Open", Effect = "Allow", Action = "kms:*", Resource = aws_kms_key.main.arn } })]

  statement {
    not_actions   = ["iam:*"]
    not_resources = ["arn:aws:s3:::x"]
  }
}

resource "aws_iam_policy" "data" {
  name   = "data"
  policy = data.aws_iam_policy_document.top.json
}

# jsonencode with unknown texts inside.
resource "aws_iam_policy" "encoded" {
  for_each = var.readers

  name = "encoded-${each.key}"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Effect   = "Allow"
        Action   = ["sqs:*"]
        Resource = [aws_sqs_queue.each[each.key].arn]
      }
      ], [for queue in aws_sqs_queue.each : {
        Effect    = "Deny"
        Action    = "sqs:DeleteQueue"
        Resource  = queue.arn
        Condition = { StringEquals = { "aws:SourceVpc" = queue.id } }
    }])
  })
}

resource "aws_iam_policy" "heredoc" {
  name   = "heredoc"
  policy = <<-EOT
    {
      "Statement": [
        {
          "Effect": "Allow",
          "Action": "sqs:SendMessage",
          "Resource": "${aws_sqs_queue.each["a"].arn}"
        },
        ${jsonencode({ Effect = "Deny", Action = "*", Resource = aws_kms_key.main.arn })}
      ]
    }
  EOT
}

module "role" {
  source = "./module"

  topic = aws_sqs_queue.each["a"].arn
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.each["b"].arn }]
  })
}

# Another module's document.
resource "aws_iam_policy" "foreign" {
  name   = "foreign"
  policy = module.role.document
}

resource "aws_iam_policy" "same" {
  name   = "same"
  policy = aws_iam_policy.encoded["a"].policy
}

# What only Terraform or AWS can tell.
resource "aws_iam_policy" "opaque" {
  name   = "opaque"
  policy = replace(aws_iam_policy.data.policy, "/a/", "b")
}

resource "aws_iam_policy" "partly" {
  name = "partly"
  policy = jsonencode({
    Statement = [
      { Effect = "Allow", Action = "sqs:SendMessage", Resource = "*" },
      { Effect = aws_sqs_queue.each["a"].id, Action = "*", Resource = "*" },
    ]
  })
}

resource "aws_sqs_queue" "without" {
  name = "without"
}
