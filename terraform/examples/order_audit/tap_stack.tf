# Order events with an audit trail: every change of an order in the table becomes an object in a bucket,
# and a failed order is told to whoever subscribes.
#
# Table -> stream -> function -> bucket, and topic for alerts. A record that the function refuses goes to a
# queue for dead letters; the alarms publish to a topic of their own.

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
  description = "Stage of the deployment; the second part and the end of every name."
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
  default     = "ap-southeast-1"
  nullable    = false

  # The China regions are left out: their service principals have another DNS suffix.
  validation {
    condition     = can(regex("^(af|ap|ca|eu|il|me|mx|sa|us|us-gov)-(central|east|north|northeast|northwest|south|southeast|southwest|west)-[1-9]$", var.region))
    error_message = "region must be an AWS region such as ap-southeast-1 (the China regions are not supported)."
  }
}

variable "project" {
  description = "Value of the Project tag."
  type        = string
  default     = "order-audit"
  nullable    = false

  validation {
    condition     = can(regex("^[\\p{L}\\p{N}_.:/=+@-][\\p{L}\\p{N} _.:/=+@-]{0,255}$", var.project))
    error_message = "project must be 1 to 256 characters that AWS accepts in a tag value: letters, digits, spaces and _.:/=+-@."
  }
}

variable "purpose" {
  description = "Value of the Purpose tag."
  type        = string
  default     = "order-audit-trail"
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

variable "log_retention_days" {
  description = "Days the function's logs are kept."
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
  description = "Whether the table and a bucket with objects in it refuse to be deleted; unset means in prod only."
  type        = bool
  default     = null
}

variable "alert_emails" {
  description = "Addresses that are told about failed orders; each must confirm its subscription."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "alert_emails must hold e-mail addresses such as orders@example.com."
  }
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

  # Every name begins with the prefix and ends in the environment.
  function_name = "${local.name_prefix}-order-audit-${var.environment}"
  table_name    = "${local.name_prefix}-order-events-${var.environment}"
  # Names of buckets are shared by all accounts of the world.
  bucket_name = "${local.name_prefix}-order-audit-${local.account_id}-${var.environment}"

  # ARNs made from names, for policies that must exist before what they speak of: the key's policy
  # can't refer to a log group and alarms that are themselves encrypted with the key.
  function_arn  = "arn:${local.partition}:lambda:${var.region}:${local.account_id}:function:${local.function_name}"
  log_group_arn = "arn:${local.partition}:logs:${var.region}:${local.account_id}:log-group:/aws/lambda/${local.function_name}"
  alarm_arns    = "arn:${local.partition}:cloudwatch:${var.region}:${local.account_id}:alarm:${local.name_prefix}-*"

  error_rate_percent = 5
  alarm_period       = 300
  archive_after_days = 90
}

# ---------------------------------------------------------------------------------------------------
# The key
# ---------------------------------------------------------------------------------------------------

# Only two services need to be named. DynamoDB and Lambda work through the caller: the deployer lets
# them create grants, and the function's role carries its own kms permissions. SQS and SNS use the key on
# behalf of whoever sends or publishes: the function's role, and CloudWatch.
data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:"*" in a key policy is this key alone, and the account's root is what every key's policy names
  #checkov:skip=CKV_AWS_111:"*" in a key policy is this key alone, and the account's root is what every key's policy names
  #checkov:skip=CKV_AWS_356:"*" in a key policy is this key alone

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
    sid = "LogsOfThisFunction"
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
      values   = [local.log_group_arn]
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
  description             = "Table, logs, environment variables, dead letters and alarms of ${local.function_name}"
  enable_key_rotation     = true
  deletion_window_in_days = local.is_production ? 30 : 7
  policy                  = data.aws_iam_policy_document.key.json

  tags = {
    Name = "${local.name_prefix}-order-audit-cmk-${var.environment}"
  }
}

resource "aws_kms_alias" "main" {
  name          = "alias/${local.name_prefix}-order-audit-cmk-${var.environment}"
  target_key_id = aws_kms_key.main.key_id
}

# ---------------------------------------------------------------------------------------------------
# The orders
# ---------------------------------------------------------------------------------------------------

resource "aws_dynamodb_table" "orders" {
  name                        = local.table_name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "orderId"
  range_key                   = "timestamp"
  deletion_protection_enabled = local.deletion_protection

  # Both images, so that the audit trail shows what a change replaced.
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "orderId"
    type = "S"
  }

  attribute {
    name = "timestamp"
    type = "N"
  }

  attribute {
    name = "status"
    type = "S"
  }

  global_secondary_index {
    name            = "status-timestamp-index"
    hash_key        = "status"
    range_key       = "timestamp"
    projection_type = "ALL"
  }

  # The stream is encrypted with the table's key.
  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.main.arn
  }

  point_in_time_recovery {
    enabled = true
  }
}

# ---------------------------------------------------------------------------------------------------
# The audit trail
# ---------------------------------------------------------------------------------------------------

resource "aws_s3_bucket" "audit" {
  #checkov:skip=CKV_AWS_18:an access log needs a bucket of its own with the same question; CloudTrail's data events are the account's choice
  #checkov:skip=CKV_AWS_144:the trail is kept in one region; the table's own recovery is what brings orders back
  #checkov:skip=CKV_AWS_145:AES256 is what this bucket was ordered with
  #checkov:skip=CKV2_AWS_62:nothing waits for an object; who must know of a failed order has the alerts topic

  bucket        = local.bucket_name
  force_destroy = !local.deletion_protection
}

# A later change of an order is the next version of its object: nothing is ever overwritten.
resource "aws_s3_bucket_versioning" "audit" {
  bucket = aws_s3_bucket.audit.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "audit" {
  bucket = aws_s3_bucket.audit.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "audit" {
  bucket = aws_s3_bucket.audit.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

data "aws_iam_policy_document" "audit_bucket" {
  statement {
    sid       = "EncryptedTransportOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.audit.arn, "${aws_s3_bucket.audit.arn}/*"]

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

resource "aws_s3_bucket_policy" "audit" {
  bucket = aws_s3_bucket.audit.id
  policy = data.aws_iam_policy_document.audit_bucket.json

  # S3 refuses two changes of a bucket's access at the same time.
  depends_on = [aws_s3_bucket_public_access_block.audit]
}

resource "aws_s3_bucket_lifecycle_configuration" "audit" {
  bucket = aws_s3_bucket.audit.id

  # An order's object is far below 128 KB, and by S3's default objects of that size never move.
  transition_default_minimum_object_size = "varies_by_storage_class"

  rule {
    id     = "archive"
    status = "Enabled"

    filter {}

    transition {
      days          = local.archive_after_days
      storage_class = "GLACIER"
    }

    noncurrent_version_transition {
      noncurrent_days = local.archive_after_days
      storage_class   = "GLACIER"
    }

    # Parts of an upload that was never finished are no object, and are billed.
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # Rules about old versions mean nothing before versioning is on.
  depends_on = [aws_s3_bucket_versioning.audit]
}

# ---------------------------------------------------------------------------------------------------
# Alerts about orders
# ---------------------------------------------------------------------------------------------------

# The AWS-managed key is enough here: it lets in everyone of the account who may publish, and the function
# is one of them. CloudWatch is not, which is why the alarms have another topic.
resource "aws_sns_topic" "alerts" {
  name              = "${local.name_prefix}-order-alerts-${var.environment}"
  kms_master_key_id = "alias/aws/sns"
}

resource "aws_sns_topic_subscription" "alert_email" {
  for_each = var.alert_emails

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = each.value
}

# ---------------------------------------------------------------------------------------------------
# The function's logs
# ---------------------------------------------------------------------------------------------------

resource "aws_cloudwatch_log_group" "audit" {
  #checkov:skip=CKV_AWS_338:these logs hold diagnostics; the audit trail is the bucket

  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.main.arn
}

# ---------------------------------------------------------------------------------------------------
# Dead letters of the stream
# ---------------------------------------------------------------------------------------------------

# A dead letter of a stream names the records by shard and sequence number and does not hold them: the stream
# keeps them for 24 hours, and the item is in the table.
resource "aws_sqs_queue" "dead_letters" {
  name                              = "${local.name_prefix}-order-audit-dlq-${var.environment}"
  message_retention_seconds         = 1209600
  kms_master_key_id                 = aws_kms_key.main.arn
  kms_data_key_reuse_period_seconds = 300
}

# ---------------------------------------------------------------------------------------------------
# The function's role
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

data "aws_iam_policy_document" "audit" {
  statement {
    sid       = "WriteOwnLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.audit.arn}:*"]
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
      values   = [local.function_arn]
    }
  }

  statement {
    sid       = "ReadOrderStream"
    actions   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    resources = [aws_dynamodb_table.orders.stream_arn]
  }

  # DynamoDB has no resource-level permission for this one.
  statement {
    sid       = "ListStreams"
    actions   = ["dynamodb:ListStreams"]
    resources = ["*"]
  }

  # DynamoDB opens the stream's key in the name of whoever reads, SQS the queue's in that of whoever sends.
  statement {
    sid       = "UseKeyOfStream"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.main.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["dynamodb.${var.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = "KeepChanges"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.audit.arn}/orders/*"]
  }

  # alias/aws/sns needs no permission: its own policy lets in whoever may publish.
  statement {
    sid       = "TellAboutFailedOrders"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alerts.arn]
  }

  # Lambda sends the dead letter as the function's role.
  statement {
    sid       = "SendDeadLetters"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters.arn]
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

resource "aws_iam_role" "audit" {
  name               = "${local.name_prefix}-order-audit-role-${var.environment}"
  description        = "What ${local.function_name} runs as"
  assume_role_policy = data.aws_iam_policy_document.lambda_trust.json
}

resource "aws_iam_role_policy" "audit" {
  name   = "${local.name_prefix}-order-audit-policy-${var.environment}"
  role   = aws_iam_role.audit.id
  policy = data.aws_iam_policy_document.audit.json
}

# ---------------------------------------------------------------------------------------------------
# The function and what triggers it
# ---------------------------------------------------------------------------------------------------

resource "aws_lambda_function" "audit" {
  #checkov:skip=CKV_AWS_115:the stream's shards limit how many run at once; a reservation would take capacity from the account and lose none of it
  #checkov:skip=CKV_AWS_116:that queue is for asynchronous events; the stream's dead letters have theirs in the mapping
  #checkov:skip=CKV_AWS_117:it talks to nothing but public AWS endpoints with IAM; a VPC would add endpoints and protect nothing
  #checkov:skip=CKV_AWS_272:the package's hash is part of the plan that is reviewed and applied; a signing profile would be a second chain of trust

  function_name    = local.function_name
  description      = "Keeps every change of ${local.table_name} in ${local.bucket_name} and tells about failed orders"
  role             = aws_iam_role.audit.arn
  runtime          = "python3.13"
  handler          = "handler.handle"
  filename         = "${path.module}/.tap/packages/audit.zip"
  source_code_hash = filebase64sha256("${path.module}/.tap/packages/audit.zip")
  memory_size      = 256
  timeout          = 60
  kms_key_arn      = aws_kms_key.main.arn

  environment {
    variables = {
      AUDIT_BUCKET     = aws_s3_bucket.audit.bucket
      ALERTS_TOPIC_ARN = aws_sns_topic.alerts.arn
    }
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.audit.name
  }

  tracing_config {
    mode = "Active"
  }

  # Lambda would make a log group without key and retention itself.
  depends_on = [aws_cloudwatch_log_group.audit, aws_iam_role_policy.audit]
}

resource "aws_lambda_event_source_mapping" "orders" {
  event_source_arn = aws_dynamodb_table.orders.stream_arn
  function_name    = aws_lambda_function.audit.arn
  # From the oldest record: an order that is put while the mapping is being made is not missed.
  starting_position = "TRIM_HORIZON"
  batch_size        = 100

  # A record that can't be kept must not stop those behind it: the batch is split until it is alone, tried
  # again a few times, and becomes a dead letter.
  function_response_types        = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = 3

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.dead_letters.arn
    }
  }

  # Lambda checks at creation that the role may read the stream and send to the queue.
  depends_on = [aws_iam_role_policy.audit]
}

# ---------------------------------------------------------------------------------------------------
# Alarms
# ---------------------------------------------------------------------------------------------------

# Not alias/aws/sns: nobody can let CloudWatch use that key, so its alarms would never be delivered.
resource "aws_sns_topic" "alarms" {
  name              = "${local.name_prefix}-order-audit-alarms-${var.environment}"
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

# Invocations that raised or timed out. Without an invocation there is no data, and so no division by zero.
resource "aws_cloudwatch_metric_alarm" "error_rate" {
  alarm_name          = "${local.name_prefix}-order-audit-error-rate-${var.environment}"
  alarm_description   = "More than ${local.error_rate_percent} % of the invocations of ${local.function_name} failed within 5 minutes"
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.error_rate_percent
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "error_rate"
    expression  = "(errors / invocations) * 100"
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
        FunctionName = local.function_name
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
        FunctionName = local.function_name
      }
    }
  }
}

# A dead letter is a change that is not in the audit trail; somebody must look within 24 hours.
resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${local.name_prefix}-order-audit-dead-letters-${var.environment}"
  alarm_description   = "Changes that ${local.function_name} could not keep wait in ${aws_sqs_queue.dead_letters.name}; the stream holds them for 24 hours"
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
    QueueName = aws_sqs_queue.dead_letters.name
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
  description = "What every name of the stack starts with; it ends in the environment."
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
  description = "Name of the table of orders."
  value       = aws_dynamodb_table.orders.name
}

output "table_arn" {
  description = "ARN of the table of orders."
  value       = aws_dynamodb_table.orders.arn
}

output "table_stream_arn" {
  description = "ARN of the table's stream."
  value       = aws_dynamodb_table.orders.stream_arn
}

output "table_index_name" {
  description = "Name of the index by status and timestamp."
  value       = "status-timestamp-index"
}

output "audit_bucket_name" {
  description = "Name of the bucket with the audit trail."
  value       = aws_s3_bucket.audit.bucket
}

output "audit_bucket_arn" {
  description = "ARN of the bucket with the audit trail."
  value       = aws_s3_bucket.audit.arn
}

output "function_name" {
  description = "Name of the function that keeps the changes."
  value       = aws_lambda_function.audit.function_name
}

output "function_arn" {
  description = "ARN of the function that keeps the changes."
  value       = aws_lambda_function.audit.arn
}

output "role_name" {
  description = "Name of the function's role."
  value       = aws_iam_role.audit.name
}

output "role_arn" {
  description = "ARN of the function's role."
  value       = aws_iam_role.audit.arn
}

output "log_group_name" {
  description = "Name of the function's log group."
  value       = aws_cloudwatch_log_group.audit.name
}

output "log_group_arn" {
  description = "ARN of the function's log group."
  value       = aws_cloudwatch_log_group.audit.arn
}

output "event_source_mapping_id" {
  description = "UUID of the mapping that feeds the stream to the function."
  value       = aws_lambda_event_source_mapping.orders.uuid
}

output "event_source_mapping_arn" {
  description = "ARN of the mapping that feeds the stream to the function."
  value       = aws_lambda_event_source_mapping.orders.arn
}

output "dead_letter_queue_name" {
  description = "Name of the queue that says which changes could not be kept."
  value       = aws_sqs_queue.dead_letters.name
}

output "dead_letter_queue_arn" {
  description = "ARN of the queue that says which changes could not be kept."
  value       = aws_sqs_queue.dead_letters.arn
}

output "dead_letter_queue_url" {
  description = "URL of the queue that says which changes could not be kept."
  value       = aws_sqs_queue.dead_letters.url
}

output "alerts_topic_name" {
  description = "Name of the topic that tells about failed orders."
  value       = aws_sns_topic.alerts.name
}

output "alerts_topic_arn" {
  description = "ARN of the topic that tells about failed orders."
  value       = aws_sns_topic.alerts.arn
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
  value       = sort([aws_cloudwatch_metric_alarm.error_rate.alarm_name, aws_cloudwatch_metric_alarm.dead_letters.alarm_name])
}

output "alarm_arns" {
  description = "ARNs of all alarms, sorted."
  value       = sort([aws_cloudwatch_metric_alarm.error_rate.arn, aws_cloudwatch_metric_alarm.dead_letters.arn])
}
