# Two functions, one table, one key: `writer` puts items, `reader` gets them.
#
# Everything is encrypted with one customer-managed key, every function has its own role and its own
# log group, and every alarm reaches one topic.

terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

# ---------------------------------------------------------------------------------------------------
# Variables
# ---------------------------------------------------------------------------------------------------

variable "company" {
  description = "Owner of the stack; the first part of every name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", var.company))
    error_message = "company must be 2 to 20 lower-case letters, digits or hyphens, start with a letter and not end with a hyphen: it becomes part of every name."
  }
}

variable "environment" {
  description = "Stage of the deployment; the second part of every name."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["dev", "stage", "prod"], var.environment)
    error_message = "environment must be dev, stage or prod."
  }
}

variable "region" {
  description = "AWS region of the whole stack."
  type        = string
  default     = "us-east-1"
  nullable    = false

  # The China regions are left out: their service principals have another DNS suffix.
  validation {
    condition     = can(regex("^(af|ap|ca|eu|il|me|mx|sa|us|us-gov)-(central|east|north|northeast|northwest|south|southeast|southwest|west)-[1-9]$", var.region))
    error_message = "region must be an AWS region such as us-east-1 (the China regions are not supported)."
  }
}

variable "project" {
  description = "Value of the Project tag."
  type        = string
  default     = "tap"
  nullable    = false

  validation {
    condition     = can(regex("^[\\p{L}\\p{N}_.:/=+@-][\\p{L}\\p{N} _.:/=+@-]{0,255}$", var.project))
    error_message = "project must be 1 to 256 characters that AWS accepts in a tag value: letters, digits, spaces and _.:/=+-@."
  }
}

variable "purpose" {
  description = "Value of the Purpose tag."
  type        = string
  default     = "item-store"
  nullable    = false

  validation {
    condition     = can(regex("^[\\p{L}\\p{N}_.:/=+@-][\\p{L}\\p{N} _.:/=+@-]{0,255}$", var.purpose))
    error_message = "purpose must be 1 to 256 characters that AWS accepts in a tag value: letters, digits, spaces and _.:/=+-@."
  }
}

variable "managed_by" {
  description = "Value of the ManagedBy tag: the tool that may change these resources."
  type        = string
  default     = "terraform"
  nullable    = false

  validation {
    condition     = can(regex("^[\\p{L}\\p{N}_.:/=+@-][\\p{L}\\p{N} _.:/=+@-]{0,255}$", var.managed_by))
    error_message = "managed_by must be 1 to 256 characters that AWS accepts in a tag value: letters, digits, spaces and _.:/=+-@."
  }
}

variable "read_capacity" {
  description = "Provisioned read capacity units of the table (strongly consistent reads of 4 KB per second)."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.read_capacity >= 1 && var.read_capacity <= 40000 && floor(var.read_capacity) == var.read_capacity
    error_message = "read_capacity must be a whole number from 1 to 40000, DynamoDB's default quota for one table."
  }
}

variable "write_capacity" {
  description = "Provisioned write capacity units of the table (writes of 1 KB per second)."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.write_capacity >= 1 && var.write_capacity <= 40000 && floor(var.write_capacity) == var.write_capacity
    error_message = "write_capacity must be a whole number from 1 to 40000, DynamoDB's default quota for one table."
  }
}

variable "log_retention_days" {
  description = "Days the functions' logs are kept."
  type        = number
  default     = 14
  nullable    = false

  # CloudWatch's own list; 0, which means forever, is left out on purpose.
  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days,
    )
    error_message = "log_retention_days must be a value CloudWatch accepts: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "deletion_protection" {
  description = "Whether the table refuses to be deleted; unset means in prod only."
  type        = bool
  default     = null
}

variable "alarm_emails" {
  description = "Addresses that are told about alarms; each must confirm its subscription."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "alarm_emails must hold e-mail addresses such as ops@example.com."
  }
}

# ---------------------------------------------------------------------------------------------------
# Provider, account, names
# ---------------------------------------------------------------------------------------------------

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Environment = var.environment
      Project     = var.project
      Purpose     = var.purpose
      ManagedBy   = var.managed_by
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  name_prefix         = "${var.company}-${var.environment}"
  is_production       = var.environment == "prod"
  deletion_protection = coalesce(var.deletion_protection, local.is_production)

  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  table_name     = "${local.name_prefix}-table"
  function_names = { for name in ["writer", "reader"] : name => "${local.name_prefix}-${name}" }

  # ARNs made from names, for policies that must exist before what they speak of: the key's policy
  # can't refer to log groups and alarms that are themselves encrypted with the key.
  function_arns  = { for name, full in local.function_names : name => "arn:${local.partition}:lambda:${var.region}:${local.account_id}:function:${full}" }
  log_group_arns = [for full in values(local.function_names) : "arn:${local.partition}:logs:${var.region}:${local.account_id}:log-group:/aws/lambda/${full}"]
  alarm_arns     = "arn:${local.partition}:cloudwatch:${var.region}:${local.account_id}:alarm:${local.name_prefix}-*"

  # One source for both rate alarms of each function.
  error_rate_percent = 5
  alarm_period       = 300
  metric_namespace   = "${local.name_prefix}/functions"
}

# ---------------------------------------------------------------------------------------------------
# The key
# ---------------------------------------------------------------------------------------------------

# Only two services need to be named. DynamoDB and Lambda work through the caller: the deployer lets
# them create grants, and the functions' roles carry their own kms permissions. SQS and SNS use the key
# on behalf of whoever sends or publishes: the writer's role, and CloudWatch.
data "aws_iam_policy_document" "key" {
  # "*" in a key policy is this key alone.
  statement {
    sid       = "AccountMayManageAndDelegate"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account_id}:root"]
    }
  }

  statement {
    sid = "LogsOfTheseFunctions"
    actions = [
      "kms:Encrypt",
      "kms:Decrypt",
      "kms:ReEncryptFrom",
      "kms:ReEncryptTo",
      "kms:GenerateDataKey",
      "kms:GenerateDataKeyWithoutPlaintext",
      "kms:DescribeKey",
    ]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = local.log_group_arns
    }
  }

  statement {
    sid       = "AlarmsOfThisStackPublish"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [local.alarm_arns]
    }
  }
}

resource "aws_kms_key" "main" {
  description             = "Table, logs, environment variables, dead letters and alarms of ${local.name_prefix}"
  enable_key_rotation     = true
  deletion_window_in_days = local.is_production ? 30 : 7
  policy                  = data.aws_iam_policy_document.key.json

  tags = {
    Name = "${local.name_prefix}-cmk"
  }
}

resource "aws_kms_alias" "main" {
  name          = "alias/${local.name_prefix}-cmk"
  target_key_id = aws_kms_key.main.key_id
}

# ---------------------------------------------------------------------------------------------------
# The table
# ---------------------------------------------------------------------------------------------------

resource "aws_dynamodb_table" "main" {
  #checkov:skip=CKV2_AWS_16:capacity is fixed by contract and changed by variable; the throttle alarm says when it is too small

  name                        = local.table_name
  billing_mode                = "PROVISIONED"
  read_capacity               = var.read_capacity
  write_capacity              = var.write_capacity
  hash_key                    = "id"
  deletion_protection_enabled = local.deletion_protection

  attribute {
    name = "id"
    type = "S"
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.main.arn
  }

  point_in_time_recovery {
    enabled = true
  }
}

# ---------------------------------------------------------------------------------------------------
# The functions' logs
# ---------------------------------------------------------------------------------------------------

resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_338:these logs hold diagnostics, not an audit trail; two weeks are the stack's retention and a variable changes it
  for_each = local.function_names

  name              = "/aws/lambda/${each.value}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.main.arn
}

# A fault that is answered with a 500 is no error to Lambda; these lines are what the fault alarms count.
resource "aws_cloudwatch_log_metric_filter" "faults" {
  for_each = local.function_names

  name           = "${each.value}-faults"
  log_group_name = aws_cloudwatch_log_group.function[each.key].name
  pattern        = "{ $.status = 500 }"

  metric_transformation {
    name          = "${each.value}-faults"
    namespace     = local.metric_namespace
    value         = "1"
    default_value = "0"
    unit          = "Count"
  }
}

# ---------------------------------------------------------------------------------------------------
# Dead letters of the writer
# ---------------------------------------------------------------------------------------------------

resource "aws_sqs_queue" "writer_dead_letters" {
  name                              = "${local.name_prefix}-writer-dlq"
  message_retention_seconds         = 1209600
  kms_master_key_id                 = aws_kms_key.main.arn
  kms_data_key_reuse_period_seconds = 300
}

# ---------------------------------------------------------------------------------------------------
# Roles: one for each function
# ---------------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "lambda_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

# What every function may do, each on what is its own.
data "aws_iam_policy_document" "function" {
  for_each = local.function_names

  statement {
    sid       = "WriteOwnLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"]
  }

  # X-Ray has no resource-level permissions for these two.
  statement {
    sid       = "SendTraces"
    actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    resources = ["*"]
  }

  statement {
    sid       = "DecryptOwnEnvironment"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.main.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:lambda:FunctionArn"
      values   = [local.function_arns[each.key]]
    }
  }

  # DynamoDB opens the table's key in the name of whoever reads or writes.
  statement {
    sid       = "UseTableKey"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.main.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["dynamodb.${var.region}.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "writer" {
  source_policy_documents = [data.aws_iam_policy_document.function["writer"].json]

  statement {
    sid       = "PutItems"
    actions   = ["dynamodb:PutItem"]
    resources = [aws_dynamodb_table.main.arn]
  }

  # Lambda sends the dead letter as the function's role, SQS encrypts it in the role's name.
  statement {
    sid       = "SendDeadLetters"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.writer_dead_letters.arn]
  }

  statement {
    sid       = "EncryptDeadLetters"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.main.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sqs.${var.region}.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "reader" {
  source_policy_documents = [data.aws_iam_policy_document.function["reader"].json]

  statement {
    sid       = "GetItems"
    actions   = ["dynamodb:GetItem"]
    resources = [aws_dynamodb_table.main.arn]
  }
}

resource "aws_iam_role" "writer" {
  name               = "${local.name_prefix}-writer-role"
  description        = "What ${local.function_names["writer"]} runs as"
  assume_role_policy = data.aws_iam_policy_document.lambda_trust.json
}

resource "aws_iam_role" "reader" {
  name               = "${local.name_prefix}-reader-role"
  description        = "What ${local.function_names["reader"]} runs as"
  assume_role_policy = data.aws_iam_policy_document.lambda_trust.json
}

resource "aws_iam_role_policy" "writer" {
  name   = "${local.name_prefix}-writer-policy"
  role   = aws_iam_role.writer.id
  policy = data.aws_iam_policy_document.writer.json
}

resource "aws_iam_role_policy" "reader" {
  name   = "${local.name_prefix}-reader-policy"
  role   = aws_iam_role.reader.id
  policy = data.aws_iam_policy_document.reader.json
}

# ---------------------------------------------------------------------------------------------------
# The functions
# ---------------------------------------------------------------------------------------------------

resource "aws_lambda_function" "writer" {
  #checkov:skip=CKV_AWS_115:a reservation takes capacity from the account and caps the function; the table's capacity and its alarm are the limit here
  #checkov:skip=CKV_AWS_117:it talks to nothing but public AWS endpoints with IAM; a VPC would add endpoints and protect nothing
  #checkov:skip=CKV_AWS_272:the package's hash is part of the plan that is reviewed and applied; a signing profile would be a second chain of trust

  function_name    = local.function_names["writer"]
  description      = "Validates an event and puts it into ${local.table_name}"
  role             = aws_iam_role.writer.arn
  runtime          = "python3.13"
  handler          = "handler.handle"
  filename         = "${path.module}/.tap/packages/writer.zip"
  source_code_hash = filebase64sha256("${path.module}/.tap/packages/writer.zip")
  memory_size      = 512
  timeout          = 30
  kms_key_arn      = aws_kms_key.main.arn

  environment {
    variables = {
      TABLE_NAME = aws_dynamodb_table.main.name
    }
  }

  dead_letter_config {
    target_arn = aws_sqs_queue.writer_dead_letters.arn
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.function["writer"].name
  }

  tracing_config {
    mode = "Active"
  }

  # Lambda would make a log group without key and retention itself, and checks at creation that the role
  # may send to the queue.
  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.writer]
}

resource "aws_lambda_function" "reader" {
  #checkov:skip=CKV_AWS_115:a reservation takes capacity from the account and caps the function; the table's capacity and its alarm are the limit here
  #checkov:skip=CKV_AWS_116:it is invoked synchronously: its caller has the answer, and a read needs no second delivery
  #checkov:skip=CKV_AWS_117:it talks to nothing but public AWS endpoints with IAM; a VPC would add endpoints and protect nothing
  #checkov:skip=CKV_AWS_272:the package's hash is part of the plan that is reviewed and applied; a signing profile would be a second chain of trust

  function_name    = local.function_names["reader"]
  description      = "Gets one item from ${local.table_name} by its id"
  role             = aws_iam_role.reader.arn
  runtime          = "python3.13"
  handler          = "handler.handle"
  filename         = "${path.module}/.tap/packages/reader.zip"
  source_code_hash = filebase64sha256("${path.module}/.tap/packages/reader.zip")
  memory_size      = 512
  timeout          = 30
  kms_key_arn      = aws_kms_key.main.arn

  environment {
    variables = {
      TABLE_NAME = aws_dynamodb_table.main.name
    }
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.function["reader"].name
  }

  tracing_config {
    mode = "Active"
  }

  # Lambda would make a log group without key and retention itself.
  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.reader]
}

# ---------------------------------------------------------------------------------------------------
# Alarms
# ---------------------------------------------------------------------------------------------------

# Not alias/aws/sns: nobody can let CloudWatch use that key, so its alarms would never be delivered.
resource "aws_sns_topic" "alarms" {
  name              = "${local.name_prefix}-alarms"
  kms_master_key_id = aws_kms_key.main.arn
}

data "aws_iam_policy_document" "alarms_topic" {
  statement {
    sid       = "AlarmsOfThisStackPublish"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [local.alarm_arns]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms_topic.json
}

resource "aws_sns_topic_subscription" "alarm_email" {
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

# Invocations that raised or timed out: for the writer's asynchronous events, those on the way to the
# dead letters.
resource "aws_cloudwatch_metric_alarm" "error_rate" {
  for_each = local.function_names

  alarm_name          = "${each.value}-error-rate"
  alarm_description   = "More than ${local.error_rate_percent} % of the invocations of ${each.value} failed within 5 minutes"
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.error_rate_percent
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "error_rate"
    expression  = "IF(invocations > 0, 100 * errors / invocations, 0)"
    label       = "Failed invocations (%)"
    return_data = true
  }

  metric_query {
    id = "errors"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Errors"
      period      = local.alarm_period
      stat        = "Sum"

      dimensions = {
        FunctionName = each.value
      }
    }
  }

  metric_query {
    id = "invocations"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Invocations"
      period      = local.alarm_period
      stat        = "Sum"

      dimensions = {
        FunctionName = each.value
      }
    }
  }
}

# Invocations that Lambda counts as success and that answered 500.
resource "aws_cloudwatch_metric_alarm" "fault_rate" {
  for_each = local.function_names

  alarm_name          = "${each.value}-fault-rate"
  alarm_description   = "${each.value} answered more than ${local.error_rate_percent} % of its invocations with a 500 within 5 minutes"
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.error_rate_percent
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "fault_rate"
    expression  = "IF(invocations > 0, 100 * FILL(faults, 0) / invocations, 0)"
    label       = "Answered with 500 (%)"
    return_data = true
  }

  metric_query {
    id = "faults"

    metric {
      namespace   = local.metric_namespace
      metric_name = aws_cloudwatch_log_metric_filter.faults[each.key].metric_transformation[0].name
      period      = local.alarm_period
      stat        = "Sum"
    }
  }

  metric_query {
    id = "invocations"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Invocations"
      period      = local.alarm_period
      stat        = "Sum"

      dimensions = {
        FunctionName = each.value
      }
    }
  }
}

# ReadThrottleEvents and WriteThrottleEvents are published for each table; ThrottledRequests only for
# each operation of a table.
resource "aws_cloudwatch_metric_alarm" "table_throttles" {
  alarm_name          = "${local.table_name}-throttles"
  alarm_description   = "Reads or writes of ${local.table_name} were throttled within 5 minutes: its provisioned capacity is too small"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  # A table that is only read has no data about writes, and the other way round.
  metric_query {
    id          = "throttles"
    expression  = "FILL(reads, 0) + FILL(writes, 0)"
    label       = "Throttled reads and writes"
    return_data = true
  }

  metric_query {
    id = "reads"

    metric {
      namespace   = "AWS/DynamoDB"
      metric_name = "ReadThrottleEvents"
      period      = local.alarm_period
      stat        = "Sum"

      dimensions = {
        TableName = aws_dynamodb_table.main.name
      }
    }
  }

  metric_query {
    id = "writes"

    metric {
      namespace   = "AWS/DynamoDB"
      metric_name = "WriteThrottleEvents"
      period      = local.alarm_period
      stat        = "Sum"

      dimensions = {
        TableName = aws_dynamodb_table.main.name
      }
    }
  }
}

# A dead letter is an item that was accepted and not written; somebody must look.
resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${aws_sqs_queue.writer_dead_letters.name}-not-empty"
  alarm_description   = "Events that ${local.function_names["writer"]} could not write wait in ${aws_sqs_queue.writer_dead_letters.name}"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  statistic           = "Maximum"
  period              = local.alarm_period
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  dimensions = {
    QueueName = aws_sqs_queue.writer_dead_letters.name
  }
}

# ---------------------------------------------------------------------------------------------------
# Outputs
# ---------------------------------------------------------------------------------------------------

output "region" {
  description = "Region of the stack."
  value       = var.region
}

output "environment" {
  description = "Stage of the deployment."
  value       = var.environment
}

output "name_prefix" {
  description = "What every name of the stack starts with."
  value       = local.name_prefix
}

output "key_id" {
  description = "Id of the key."
  value       = aws_kms_key.main.key_id
}

output "key_arn" {
  description = "ARN of the key."
  value       = aws_kms_key.main.arn
}

output "key_alias" {
  description = "Alias of the key."
  value       = aws_kms_alias.main.name
}

output "table_name" {
  description = "Name of the table."
  value       = aws_dynamodb_table.main.name
}

output "table_arn" {
  description = "ARN of the table."
  value       = aws_dynamodb_table.main.arn
}

output "writer_function_name" {
  description = "Name of the writer."
  value       = aws_lambda_function.writer.function_name
}

output "writer_function_arn" {
  description = "ARN of the writer."
  value       = aws_lambda_function.writer.arn
}

output "writer_role_name" {
  description = "Name of the writer's role."
  value       = aws_iam_role.writer.name
}

output "writer_role_arn" {
  description = "ARN of the writer's role."
  value       = aws_iam_role.writer.arn
}

output "writer_log_group_name" {
  description = "Name of the writer's log group."
  value       = aws_cloudwatch_log_group.function["writer"].name
}

output "writer_log_group_arn" {
  description = "ARN of the writer's log group."
  value       = aws_cloudwatch_log_group.function["writer"].arn
}

output "reader_function_name" {
  description = "Name of the reader."
  value       = aws_lambda_function.reader.function_name
}

output "reader_function_arn" {
  description = "ARN of the reader."
  value       = aws_lambda_function.reader.arn
}

output "reader_role_name" {
  description = "Name of the reader's role."
  value       = aws_iam_role.reader.name
}

output "reader_role_arn" {
  description = "ARN of the reader's role."
  value       = aws_iam_role.reader.arn
}

output "reader_log_group_name" {
  description = "Name of the reader's log group."
  value       = aws_cloudwatch_log_group.function["reader"].name
}

output "reader_log_group_arn" {
  description = "ARN of the reader's log group."
  value       = aws_cloudwatch_log_group.function["reader"].arn
}

output "dead_letter_queue_name" {
  description = "Name of the queue with the events the writer could not write."
  value       = aws_sqs_queue.writer_dead_letters.name
}

output "dead_letter_queue_arn" {
  description = "ARN of the queue with the events the writer could not write."
  value       = aws_sqs_queue.writer_dead_letters.arn
}

output "dead_letter_queue_url" {
  description = "URL of the queue with the events the writer could not write."
  value       = aws_sqs_queue.writer_dead_letters.url
}

output "alarm_topic_name" {
  description = "Name of the topic the alarms publish to."
  value       = aws_sns_topic.alarms.name
}

output "alarm_topic_arn" {
  description = "ARN of the topic the alarms publish to."
  value       = aws_sns_topic.alarms.arn
}

output "alarm_names" {
  description = "Names of all alarms, sorted."
  value       = sort(local.alarms[*].alarm_name)
}

output "alarm_arns" {
  description = "ARNs of all alarms, sorted."
  value       = sort(local.alarms[*].arn)
}

locals {
  alarms = concat(
    values(aws_cloudwatch_metric_alarm.error_rate),
    values(aws_cloudwatch_metric_alarm.fault_rate),
    [aws_cloudwatch_metric_alarm.table_throttles, aws_cloudwatch_metric_alarm.dead_letters],
  )
}
