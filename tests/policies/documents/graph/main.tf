# A stack whose resources refer to each other in every way that Terraform has; see ../README.md.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  backend "local" {
    path = "graph.tfstate"
  }
}

variable "environment" {
  type    = string
  default = "dev"
}

variable "standby_region" {
  type    = string
  default = "us-west-2"
}

variable "retention" {
  type    = map(number)
  default = { reader = 7, writer = 14 }
}

variable "token" {
  type      = string
  default   = "swordfish"
  sensitive = true
}

locals {
  prefix  = "acme-${var.environment}"
  keys    = { for purpose, key in aws_kms_key.main : purpose => key.arn }
  data    = aws_kms_key.main["data"].arn
  targets = { alarms = aws_sns_topic.alarms.arn, audit = aws_sns_topic.audit.arn }
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

provider "aws" {
  region = "us-east-1"
}

provider "aws" {
  alias  = "standby"
  region = var.standby_region
}

data "aws_caller_identity" "current" {}

data "aws_region" "standby" {
  provider = aws.standby
}

resource "aws_kms_key" "main" {
  for_each = toset(["data", "logs"])

  description         = "${local.prefix} ${each.key}"
  enable_key_rotation = true
}

resource "aws_kms_key" "standby" {
  provider            = aws.standby
  description         = "${local.prefix} standby"
  enable_key_rotation = true
}

resource "aws_kms_alias" "main" {
  for_each = aws_kms_key.main

  name          = "alias/${local.prefix}-${each.key}"
  target_key_id = each.value.key_id
}

# Read only during apply: the key does not exist before.
data "aws_kms_key" "logs" {
  key_id = aws_kms_key.main["logs"].key_id
}

resource "aws_sns_topic" "alarms" {
  name              = "${local.prefix}-alarms"
  kms_master_key_id = aws_kms_alias.main["data"].name
}

resource "aws_sns_topic" "audit" {
  name              = "${local.prefix}-audit"
  kms_master_key_id = local.keys["data"]
}

resource "aws_sqs_queue" "dead_letters" {
  count = 2

  name              = "${local.prefix}-dead-letters-${count.index}"
  kms_master_key_id = local.data
}

resource "aws_sqs_queue" "work" {
  count = 2

  name              = "${local.prefix}-work-${count.index}"
  kms_master_key_id = data.aws_kms_key.logs.arn
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[count.index].arn
    maxReceiveCount     = 3
  })
}

data "aws_iam_policy_document" "queue" {
  count = 2

  statement {
    sid       = "FromAlarms"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.work[count.index].arn]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = values(local.targets)
    }
  }
}

# Known when planned: already read.
data "aws_iam_policy_document" "static" {
  statement {
    actions   = ["logs:DescribeLogGroups"]
    resources = ["arn:aws:logs:us-east-1:${data.aws_caller_identity.current.account_id}:*"]
  }
}

resource "aws_sqs_queue_policy" "work" {
  count = 2

  queue_url = aws_sqs_queue.work[count.index].id
  policy    = data.aws_iam_policy_document.queue[count.index].json
}

resource "aws_sns_topic_subscription" "work" {
  count = length(aws_sqs_queue.work)

  topic_arn = local.targets.alarms
  protocol  = "sqs"
  endpoint  = aws_sqs_queue.work[count.index].arn
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = var.retention

  name              = "/aws/lambda/${local.prefix}-${each.key}"
  retention_in_days = each.value
  kms_key_id        = local.keys["logs"]
}

resource "aws_iam_role" "function" {
  for_each = var.retention

  name               = "${local.prefix}-${each.key}"
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "function" {
  for_each = aws_iam_role.function

  name = "logs"
  role = each.value.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.function[each.key].arn}:*"
    }]
  })
  depends_on = [aws_sqs_queue_policy.work]
}

resource "aws_iam_policy" "describe" {
  name   = "${local.prefix}-describe"
  policy = data.aws_iam_policy_document.static.json
}

resource "aws_s3_bucket" "documents" {
  bucket = "${local.prefix}-documents"

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [tags]
  }
}

resource "aws_s3_bucket_versioning" "documents" {
  bucket = aws_s3_bucket.documents.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "documents" {
  bucket                  = aws_s3_bucket_versioning.documents.bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

module "service" {
  source   = "./service"
  for_each = { orders = aws_kms_key.main["data"].arn, refunds = aws_kms_key.main["logs"].arn }

  name       = "${local.prefix}-${each.key}"
  key_arn    = each.value
  depends_on = [aws_s3_bucket_versioning.documents]
}

module "standby" {
  source    = "./service"
  providers = { aws = aws.standby }

  name    = "${local.prefix}-orders"
  key_arn = aws_kms_key.standby.arn
}

resource "aws_cloudwatch_metric_alarm" "throttles" {
  for_each = module.service

  alarm_name          = "${local.prefix}-${each.key}-throttles"
  namespace           = "AWS/DynamoDB"
  metric_name         = "ThrottledRequests"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 1
  period              = 60
  statistic           = "Sum"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  dimensions          = { TableName = module.service[each.key].table_names[0] }
  alarm_actions       = [aws_sns_topic.alarms.arn, local.targets["audit"]]
}

output "key_arns" {
  value = local.keys
}

output "queue_arns" {
  value = aws_sqs_queue.work[*].arn
}

output "orders_table" {
  value = module.service["orders"].table_arns[1]
}

output "standby_region" {
  value = data.aws_region.standby.name
}

output "token" {
  value     = var.token
  sensitive = true
}
