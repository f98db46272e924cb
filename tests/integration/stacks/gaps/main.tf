# What moto lacks and the sandbox mends: without its patch each of these fails, drifts or leaves something behind.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = { Environment = "dev", Project = "tap", ManagedBy = "terraform" }
  }
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

data "aws_partition" "current" {}

locals {
  topic_arn = "arn:${data.aws_partition.current.partition}:sns:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:gaps"
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["backup.amazonaws.com", "s3.amazonaws.com", "states.amazonaws.com", "ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "services" {
  name               = "gaps-services"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

# Tags of CreateStream.
resource "aws_kinesis_stream" "tagged" {
  name        = "gaps"
  shard_count = 1
  tags        = { Purpose = "gaps" }
}

# Redrive policies, and a policy that outlives their being set.
resource "aws_sqs_queue" "dead_letters" {
  name = "gaps-dead-letters"

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = ["arn:aws:sqs:us-east-1:${data.aws_caller_identity.current.account_id}:gaps-source"]
  })
}

resource "aws_sqs_queue" "source" {
  name = "gaps-source"

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 3
  })
}

resource "aws_sqs_queue" "apart" {
  name = "gaps-apart"
}

data "aws_iam_policy_document" "queue" {
  statement {
    sid       = "DenyInsecureTransport"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.apart.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "apart" {
  queue_url = aws_sqs_queue.apart.id
  policy    = data.aws_iam_policy_document.queue.json
}

resource "aws_sqs_queue_redrive_policy" "apart" {
  queue_url      = aws_sqs_queue_policy.apart.queue_url
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters.arn, maxReceiveCount = 5 })
}

resource "aws_sqs_queue_redrive_allow_policy" "apart" {
  queue_url            = aws_sqs_queue_redrive_policy.apart.queue_url
  redrive_allow_policy = jsonencode({ redrivePermission = "denyAll" })
}

# A bucket that takes objects over TLS only, and is replicated with its delete markers.
resource "aws_s3_bucket" "source" {
  bucket        = "gaps-source"
  force_destroy = true
}

resource "aws_s3_bucket" "copy" {
  bucket        = "gaps-copy"
  force_destroy = true
}

resource "aws_s3_bucket_versioning" "versioned" {
  for_each = { source = aws_s3_bucket.source.id, copy = aws_s3_bucket.copy.id }
  bucket   = each.value

  versioning_configuration {
    status = "Enabled"
  }
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "DenyInsecureTransport"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.source.arn, "${aws_s3_bucket.source.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "source" {
  bucket = aws_s3_bucket.source.id
  policy = data.aws_iam_policy_document.bucket.json
}

resource "aws_s3_object" "over_tls" {
  bucket  = aws_s3_bucket_policy.source.bucket
  key     = "documents/one.txt"
  content = "one"
}

resource "aws_s3_bucket_replication_configuration" "source" {
  bucket = aws_s3_bucket_versioning.versioned["source"].bucket
  role   = aws_iam_role.services.arn

  rule {
    id     = "documents"
    status = "Enabled"

    filter {
      prefix = "documents/"
    }

    delete_marker_replication {
      status = "Enabled"
    }

    destination {
      bucket        = aws_s3_bucket.copy.arn
      storage_class = "STANDARD_IA"
    }
  }

  depends_on = [aws_s3_bucket_versioning.versioned]
}

resource "aws_s3_bucket_request_payment_configuration" "copy" {
  bucket = aws_s3_bucket.copy.id
  payer  = "Requester"
}

# Tags of scalable targets.
resource "aws_dynamodb_table" "scaled" {
  name           = "gaps"
  hash_key       = "id"
  read_capacity  = 1
  write_capacity = 1

  attribute {
    name = "id"
    type = "S"
  }

  lifecycle {
    ignore_changes = [read_capacity]
  }
}

resource "aws_appautoscaling_target" "reads" {
  service_namespace  = "dynamodb"
  resource_id        = "table/${aws_dynamodb_table.scaled.name}"
  scalable_dimension = "dynamodb:table:ReadCapacityUnits"
  min_capacity       = 1
  max_capacity       = 5
}

resource "aws_appautoscaling_policy" "reads" {
  name               = "gaps-reads"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.reads.service_namespace
  resource_id        = aws_appautoscaling_target.reads.resource_id
  scalable_dimension = aws_appautoscaling_target.reads.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value = 70

    predefined_metric_specification {
      predefined_metric_type = "DynamoDBReadCapacityUtilization"
    }
  }
}

# Calls that moto does not implement.
resource "aws_cloudwatch_metric_alarm" "either" {
  for_each            = toset(["errors", "throttles"])
  alarm_name          = "gaps-${each.key}"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 1
  metric_name         = each.key
  namespace           = "Gaps"
  period              = 60
  statistic           = "Sum"
  threshold           = 1
}

resource "aws_cloudwatch_composite_alarm" "either" {
  alarm_name        = "gaps"
  alarm_description = "Either of the two"
  alarm_rule        = join(" OR ", [for alarm in aws_cloudwatch_metric_alarm.either : "ALARM(\"${alarm.alarm_name}\")"])
  alarm_actions     = [local.topic_arn]
  tags              = { Purpose = "gaps" }
}

resource "aws_cloudwatch_log_group" "queried" {
  name              = "/gaps"
  retention_in_days = 14
}

resource "aws_cloudwatch_query_definition" "errors" {
  name            = "gaps/errors"
  log_group_names = [aws_cloudwatch_log_group.queried.name]
  query_string    = "fields @timestamp, @message | filter @message like /ERROR/"
}

resource "aws_sfn_state_machine" "walked" {
  name     = "gaps"
  role_arn = aws_iam_role.services.arn

  definition = jsonencode({
    StartAt = "Wait"
    States = {
      Wait = { Type = "Wait", Seconds = 1, Next = "Done" }
      Done = { Type = "Succeed" }
    }
  })
}

resource "aws_backup_vault" "kept" {
  name = "gaps"
}

resource "aws_backup_plan" "daily" {
  name = "gaps"

  rule {
    rule_name         = "daily"
    target_vault_name = aws_backup_vault.kept.name
    schedule          = "cron(0 5 * * ? *)"
  }
}

resource "aws_backup_selection" "tagged" {
  name         = "gaps"
  iam_role_arn = aws_iam_role.services.arn
  plan_id      = aws_backup_plan.daily.id

  selection_tag {
    type  = "STRINGEQUALS"
    key   = "Project"
    value = "tap"
  }
}
