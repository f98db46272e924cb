# Event source mappings with all their common arguments, and again with other values or none.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

variable "changed" {
  type    = bool
  default = false
}

provider "aws" {
  region = "us-east-1"
}

locals {
  package = "${path.module}/.tap/packages/sees.zip"
}

resource "aws_iam_role" "sees" {
  name = "mappings-sees"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }
    ]
  })
}

resource "aws_lambda_function" "sees" {
  for_each                       = toset(["table", "stream", "queue", "plain"])
  function_name                  = "mappings-${each.key}"
  role                           = aws_iam_role.sees.arn
  runtime                        = "python3.13"
  handler                        = "handler.handle"
  filename                       = local.package
  source_code_hash               = filebase64sha256(local.package)
  reserved_concurrent_executions = each.key == "plain" ? 0 : 5
}

resource "aws_lambda_alias" "stream" {
  name             = "live"
  function_name    = aws_lambda_function.sees["stream"].function_name
  function_version = "$LATEST"
}

resource "aws_dynamodb_table" "orders" {
  name             = "mappings-orders"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "id"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "id"
    type = "S"
  }
}

resource "aws_kinesis_stream" "payments" {
  name        = "mappings-payments"
  shard_count = 1
}

resource "aws_sqs_queue" "hooks" {
  name                       = "mappings-hooks"
  visibility_timeout_seconds = 30
}

resource "aws_sqs_queue" "failures" {
  name = "mappings-failures"
}

resource "aws_sns_topic" "failures" {
  name = "mappings-failures"
}

resource "aws_lambda_event_source_mapping" "table" {
  event_source_arn                   = aws_dynamodb_table.orders.stream_arn
  function_name                      = aws_lambda_function.sees["table"].arn
  starting_position                  = "LATEST"
  batch_size                         = var.changed ? 20 : 10
  maximum_batching_window_in_seconds = var.changed ? 0 : 1
  maximum_record_age_in_seconds      = var.changed ? -1 : 3600
  maximum_retry_attempts             = var.changed ? -1 : 3
  parallelization_factor             = var.changed ? 1 : 2
  tumbling_window_in_seconds         = var.changed ? 0 : 60
  bisect_batch_on_function_error     = !var.changed
  function_response_types            = var.changed ? [] : ["ReportBatchItemFailures"]

  dynamic "destination_config" {
    for_each = var.changed ? [] : [aws_sqs_queue.failures.arn]
    content {
      on_failure {
        destination_arn = destination_config.value
      }
    }
  }

  dynamic "filter_criteria" {
    for_each = var.changed ? [] : [["INSERT", "REMOVE"]]
    content {
      dynamic "filter" {
        for_each = filter_criteria.value
        content {
          pattern = jsonencode({ eventName = [filter.value] })
        }
      }
    }
  }

  tags = var.changed ? { Purpose = "other" } : { Purpose = "audit", Team = "orders" }
}

resource "aws_lambda_event_source_mapping" "stream" {
  event_source_arn            = aws_kinesis_stream.payments.arn
  function_name               = aws_lambda_alias.stream.arn
  starting_position           = "AT_TIMESTAMP"
  starting_position_timestamp = "2026-01-01T00:00:00Z"
  enabled                     = !var.changed

  destination_config {
    on_failure {
      destination_arn = aws_sns_topic.failures.arn
    }
  }
}

resource "aws_lambda_event_source_mapping" "queue" {
  event_source_arn                   = aws_sqs_queue.hooks.arn
  function_name                      = aws_lambda_function.sees["queue"].function_name
  batch_size                         = var.changed ? 10 : 100
  maximum_batching_window_in_seconds = var.changed ? 0 : 1
  function_response_types            = ["ReportBatchItemFailures"]

  dynamic "scaling_config" {
    for_each = var.changed ? [] : [5]
    content {
      maximum_concurrency = scaling_config.value
    }
  }

  filter_criteria {
    filter {
      pattern = jsonencode({ body = { type = [{ prefix = "payment." }] } })
    }
  }
}

# Nothing but what is required.
resource "aws_lambda_event_source_mapping" "plain" {
  for_each          = { table = aws_dynamodb_table.orders.stream_arn, queue = aws_sqs_queue.hooks.arn }
  event_source_arn  = each.value
  function_name     = aws_lambda_function.sees["plain"].arn
  starting_position = each.key == "table" ? "TRIM_HORIZON" : null
}

resource "aws_lambda_permission" "topic" {
  statement_id  = "AllowTopic"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.sees["table"].function_name
  principal     = "sns.amazonaws.com"
  source_arn    = aws_sns_topic.failures.arn
}

resource "aws_sns_topic_subscription" "topic" {
  topic_arn = aws_sns_topic.failures.arn
  protocol  = "lambda"
  endpoint  = aws_lambda_function.sees["table"].arn
}
