# Webhooks about crypto transactions: an HTTP API with keys takes them in, a function writes each
# transaction once, a queue hands it on for settlement.
#
# The table is encrypted with the key AWS manages for DynamoDB; everything else, from environment
# variables to dead letters, with the stack's own key.

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
  default     = "crypto-webhooks"
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
  description = "Days the functions' logs are kept."
  type        = number
  default     = 30
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

variable "daily_quota" {
  description = "Webhooks that one API key may send in a day (UTC)."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.daily_quota >= 1 && floor(var.daily_quota) == var.daily_quota
    error_message = "daily_quota must be a whole number of at least 1."
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

  currencies     = ["BTC", "ETH", "USDT"]
  table_name     = "${local.name_prefix}-transactions"
  api_name       = "${local.name_prefix}-webhooks"
  function_names = { for name in ["webhook", "settlement"] : name => "${local.name_prefix}-${name}" }

  # ARNs made from names, for policies that must exist before what they speak of: the key's policy
  # can't refer to log groups and alarms that are themselves encrypted with the key.
  function_arns  = { for name, full in local.function_names : name => "arn:${local.partition}:lambda:${var.region}:${local.account_id}:function:${full}" }
  log_group_arns = [for full in values(local.function_names) : "arn:${local.partition}:logs:${var.region}:${local.account_id}:log-group:/aws/lambda/${full}"]
  alarm_arns     = "arn:${local.partition}:cloudwatch:${var.region}:${local.account_id}:alarm:${local.name_prefix}-*"

  # API Gateway ends a request after 29 seconds, whatever the function's own timeout.
  webhook_timeout     = 60
  integration_timeout = 29000

  # SQS must hide a message while the function may work on it; AWS advises six times its timeout.
  visibility_timeout = 300
  settlement_timeout = 50

  # Reserved for each of the two functions: neither can take the other's.
  reserved_concurrency = 50

  error_rate_percent = 5
  alarm_period       = 300
  metric_namespace   = "${local.name_prefix}/transactions"
}

# ---------------------------------------------------------------------------------------------------
# The key
# ---------------------------------------------------------------------------------------------------

# Only two services need to be named. Lambda works through the deployer's grants and its functions'
# roles, SQS and SNS through whoever sends, receives or publishes. DynamoDB does not use this key.
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
  description             = "Logs, environment variables, queues and alarms of ${local.name_prefix}"
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

# A transaction is written together with a claim on its id (timestamp 0) that must not exist yet: the
# key is id and timestamp, so a condition on the transaction alone would let the same id in again with
# another timestamp.
resource "aws_dynamodb_table" "transactions" {
  #checkov:skip=CKV_AWS_119:the table is encrypted with the key AWS manages for DynamoDB, as ordered; the functions need no permission on it

  name                        = local.table_name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "transactionId"
  range_key                   = "timestamp"
  deletion_protection_enabled = local.deletion_protection

  attribute {
    name = "transactionId"
    type = "S"
  }

  attribute {
    name = "timestamp"
    type = "N"
  }

  # Without a key's ARN this is alias/aws/dynamodb; without the block, a key that AWS owns.
  server_side_encryption {
    enabled = true
  }

  point_in_time_recovery {
    enabled = true
  }
}

# ---------------------------------------------------------------------------------------------------
# The functions' logs, and the transactions counted in them
# ---------------------------------------------------------------------------------------------------

resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_338:these logs hold diagnostics; the transactions are in the table, which can be restored to any second
  for_each = local.function_names

  name              = "/aws/lambda/${each.value}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.main.arn
}

# The webhook logs one such line for each transaction it has stored, and none for a duplicate.
resource "aws_cloudwatch_log_metric_filter" "transactions" {
  for_each = toset(local.currencies)

  name           = "${local.name_prefix}-${lower(each.value)}-transactions"
  log_group_name = aws_cloudwatch_log_group.function["webhook"].name
  pattern        = "{ $.event = \"transaction-stored\" && $.currency = \"${each.value}\" }"

  metric_transformation {
    name          = "${lower(each.value)}-transactions"
    namespace     = local.metric_namespace
    value         = "1"
    default_value = "0"
    unit          = "Count"
  }
}

# ---------------------------------------------------------------------------------------------------
# The queue from webhook to settlement
# ---------------------------------------------------------------------------------------------------

resource "aws_sqs_queue" "dead_letters" {
  name                              = "${local.name_prefix}-settlement-dlq"
  message_retention_seconds         = 1209600 # 14 days, the most that SQS keeps
  kms_master_key_id                 = aws_kms_key.main.arn
  kms_data_key_reuse_period_seconds = 300
}

resource "aws_sqs_queue" "settlement" {
  name                              = "${local.name_prefix}-settlement"
  visibility_timeout_seconds        = local.visibility_timeout
  kms_master_key_id                 = aws_kms_key.main.arn
  kms_data_key_reuse_period_seconds = 300

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 3
  })
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
}

data "aws_iam_policy_document" "webhook" {
  source_policy_documents = [data.aws_iam_policy_document.function["webhook"].json]

  # A transaction of two puts needs PutItem and nothing else; Query tells what became of a duplicate.
  statement {
    sid       = "StoreTransactions"
    actions   = ["dynamodb:PutItem", "dynamodb:Query"]
    resources = [aws_dynamodb_table.transactions.arn]
  }

  statement {
    sid       = "SendForSettlement"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.settlement.arn]
  }

  # SQS encrypts in the name of whoever sends.
  statement {
    sid       = "EncryptMessages"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.main.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sqs.${var.region}.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "settlement" {
  source_policy_documents = [data.aws_iam_policy_document.function["settlement"].json]

  statement {
    sid       = "SettleTransactions"
    actions   = ["dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.transactions.arn]
  }

  statement {
    sid       = "ReceiveMessages"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.settlement.arn]
  }

  statement {
    sid       = "DecryptMessages"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.main.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sqs.${var.region}.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "webhook" {
  name               = "${local.name_prefix}-webhook-role"
  description        = "What ${local.function_names["webhook"]} runs as"
  assume_role_policy = data.aws_iam_policy_document.lambda_trust.json
}

resource "aws_iam_role" "settlement" {
  name               = "${local.name_prefix}-settlement-role"
  description        = "What ${local.function_names["settlement"]} runs as"
  assume_role_policy = data.aws_iam_policy_document.lambda_trust.json
}

resource "aws_iam_role_policy" "webhook" {
  name   = "${local.name_prefix}-webhook-policy"
  role   = aws_iam_role.webhook.id
  policy = data.aws_iam_policy_document.webhook.json
}

resource "aws_iam_role_policy" "settlement" {
  name   = "${local.name_prefix}-settlement-policy"
  role   = aws_iam_role.settlement.id
  policy = data.aws_iam_policy_document.settlement.json
}

# ---------------------------------------------------------------------------------------------------
# The functions
# ---------------------------------------------------------------------------------------------------

resource "aws_lambda_function" "webhook" {
  #checkov:skip=CKV_AWS_116:it is invoked synchronously: the sender has the answer and delivers again; what is behind the queue has dead letters
  #checkov:skip=CKV_AWS_117:it talks to nothing but public AWS endpoints with IAM; a VPC would add endpoints and protect nothing
  #checkov:skip=CKV_AWS_272:the package's hash is part of the plan that is reviewed and applied; a signing profile would be a second chain of trust

  function_name                  = local.function_names["webhook"]
  description                    = "Stores a transaction once and sends it for settlement"
  role                           = aws_iam_role.webhook.arn
  runtime                        = "python3.13"
  handler                        = "handler.handle"
  filename                       = "${path.module}/.tap/packages/webhook.zip"
  source_code_hash               = filebase64sha256("${path.module}/.tap/packages/webhook.zip")
  memory_size                    = 1024
  timeout                        = local.webhook_timeout
  reserved_concurrent_executions = local.reserved_concurrency
  kms_key_arn                    = aws_kms_key.main.arn

  environment {
    variables = {
      CURRENCIES = join(",", local.currencies)
      TABLE_NAME = aws_dynamodb_table.transactions.name
      QUEUE_URL  = aws_sqs_queue.settlement.url
    }
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.function["webhook"].name
  }

  tracing_config {
    mode = "Active"
  }

  # Lambda would make a log group without key and retention itself.
  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.webhook]
}

resource "aws_lambda_function" "settlement" {
  #checkov:skip=CKV_AWS_116:its event source is a queue, whose own redrive policy keeps what fails three times
  #checkov:skip=CKV_AWS_117:it talks to nothing but public AWS endpoints with IAM; a VPC would add endpoints and protect nothing
  #checkov:skip=CKV_AWS_272:the package's hash is part of the plan that is reviewed and applied; a signing profile would be a second chain of trust

  function_name                  = local.function_names["settlement"]
  description                    = "Settles the stored transactions that arrive in ${aws_sqs_queue.settlement.name}"
  role                           = aws_iam_role.settlement.arn
  runtime                        = "python3.13"
  handler                        = "handler.handle"
  filename                       = "${path.module}/.tap/packages/settlement.zip"
  source_code_hash               = filebase64sha256("${path.module}/.tap/packages/settlement.zip")
  memory_size                    = 1024
  timeout                        = local.settlement_timeout
  reserved_concurrent_executions = local.reserved_concurrency
  kms_key_arn                    = aws_kms_key.main.arn

  environment {
    variables = {
      TABLE_NAME = aws_dynamodb_table.transactions.name
    }
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.function["settlement"].name
  }

  tracing_config {
    mode = "Active"
  }

  # Lambda would make a log group without key and retention itself.
  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.settlement]
}

# Not more batches at once than the function may take: a throttled batch counts as received, and would
# be a dead letter after three of them.
resource "aws_lambda_event_source_mapping" "settlement" {
  event_source_arn        = aws_sqs_queue.settlement.arn
  function_name           = aws_lambda_function.settlement.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = local.reserved_concurrency
  }

  # Lambda checks at creation that the role may receive.
  depends_on = [aws_iam_role_policy.settlement]
}

# ---------------------------------------------------------------------------------------------------
# The API: POST /webhooks/{currency}
# ---------------------------------------------------------------------------------------------------

resource "aws_api_gateway_rest_api" "webhooks" {
  name        = local.api_name
  description = "Takes webhooks about transactions"

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_resource" "webhooks" {
  rest_api_id = aws_api_gateway_rest_api.webhooks.id
  parent_id   = aws_api_gateway_rest_api.webhooks.root_resource_id
  path_part   = "webhooks"
}

resource "aws_api_gateway_resource" "currency" {
  rest_api_id = aws_api_gateway_rest_api.webhooks.id
  parent_id   = aws_api_gateway_resource.webhooks.id
  path_part   = "{currency}"
}

# API Gateway knows draft 4 of JSON Schema. The limits keep every item far below DynamoDB's 400 KB; an
# amount is text, because JSON numbers lose digits on their way through floats.
resource "aws_api_gateway_model" "transaction" {
  rest_api_id  = aws_api_gateway_rest_api.webhooks.id
  name         = "Transaction"
  description  = "A transaction: its id, its time in milliseconds, and its amount in units of the currency"
  content_type = "application/json"

  schema = jsonencode({
    "$schema"            = "http://json-schema.org/draft-04/schema#"
    title                = "Transaction"
    type                 = "object"
    required             = ["transactionId", "timestamp", "amount"]
    additionalProperties = false
    properties = {
      transactionId = { type = "string", pattern = "^[A-Za-z0-9_-]{1,128}$" }
      timestamp     = { type = "integer", minimum = 1, maximum = 9999999999999 }
      amount        = { type = "string", pattern = "^(0|[1-9][0-9]{0,17})([.][0-9]{1,18})?$" }
      address       = { type = "string", minLength = 1, maxLength = 128 }
    }
  })
}

resource "aws_api_gateway_request_validator" "webhooks" {
  rest_api_id                 = aws_api_gateway_rest_api.webhooks.id
  name                        = "${local.name_prefix}-body-and-parameters"
  validate_request_body       = true
  validate_request_parameters = true
}

resource "aws_api_gateway_method" "webhook" {
  #checkov:skip=CKV_AWS_59:senders of webhooks have no AWS identity; the API key lets them in and counts what they send
  rest_api_id          = aws_api_gateway_rest_api.webhooks.id
  resource_id          = aws_api_gateway_resource.currency.id
  http_method          = "POST"
  authorization        = "NONE"
  api_key_required     = true
  request_validator_id = aws_api_gateway_request_validator.webhooks.id

  # Another content type would pass without validation; the function validates again.
  request_models = {
    "application/json" = aws_api_gateway_model.transaction.name
  }

  request_parameters = {
    "method.request.path.currency" = true
  }
}

resource "aws_api_gateway_integration" "webhook" {
  rest_api_id             = aws_api_gateway_rest_api.webhooks.id
  resource_id             = aws_api_gateway_resource.currency.id
  http_method             = aws_api_gateway_method.webhook.http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_function.webhook.invoke_arn
  timeout_milliseconds    = local.integration_timeout
}

resource "aws_lambda_permission" "api" {
  statement_id  = "${local.api_name}-api"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.webhook.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.webhooks.execution_arn}/*/POST/webhooks/*"
}

# A deployment is a snapshot: without the trigger, changes of the API would never reach the stage.
resource "aws_api_gateway_deployment" "webhooks" {
  rest_api_id = aws_api_gateway_rest_api.webhooks.id
  description = "POST /webhooks/{currency}"

  triggers = {
    definition = sha1(jsonencode([
      aws_api_gateway_resource.webhooks.path_part,
      aws_api_gateway_resource.currency.path_part,
      aws_api_gateway_model.transaction.schema,
      aws_api_gateway_request_validator.webhooks.validate_request_body,
      aws_api_gateway_request_validator.webhooks.validate_request_parameters,
      aws_api_gateway_method.webhook.api_key_required,
      aws_api_gateway_method.webhook.request_models,
      aws_api_gateway_method.webhook.request_parameters,
      aws_api_gateway_integration.webhook.uri,
      aws_api_gateway_integration.webhook.timeout_milliseconds,
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "webhooks" {
  #checkov:skip=CKV_AWS_76:access logs of a REST API need the CloudWatch role of the account, which an application stack must not own; metrics and traces are on
  #checkov:skip=CKV_AWS_120:every request is a POST with an effect of its own; a cache would answer webhooks that nobody stored
  #checkov:skip=CKV2_AWS_4:execution logs need the CloudWatch role of the account, which an application stack must not own
  #checkov:skip=CKV2_AWS_29:a key, a quota, a throttle and a schema stand before the function; a web ACL is a decision of the account
  #checkov:skip=CKV2_AWS_51:senders of webhooks are known by their API key; client certificates would need their cooperation

  rest_api_id          = aws_api_gateway_rest_api.webhooks.id
  deployment_id        = aws_api_gateway_deployment.webhooks.id
  stage_name           = var.environment
  description          = "Webhooks of ${local.name_prefix}"
  xray_tracing_enabled = true
}

resource "aws_api_gateway_method_settings" "all" {
  #checkov:skip=CKV_AWS_225:every request is a POST with an effect of its own; there is nothing to cache
  rest_api_id = aws_api_gateway_rest_api.webhooks.id
  stage_name  = aws_api_gateway_stage.webhooks.stage_name
  method_path = "*/*"

  settings {
    metrics_enabled = true
  }
}

# ---------------------------------------------------------------------------------------------------
# Who may send, and how much
# ---------------------------------------------------------------------------------------------------

# API Gateway makes the key's value; it is in the state and nowhere else, and is no output.
resource "aws_api_gateway_api_key" "sender" {
  name        = "${local.name_prefix}-sender"
  description = "Lets one sender of webhooks in"
}

resource "aws_api_gateway_usage_plan" "senders" {
  name        = "${local.name_prefix}-senders"
  description = "At most ${var.daily_quota} webhooks a day for each key"

  api_stages {
    api_id = aws_api_gateway_rest_api.webhooks.id
    stage  = aws_api_gateway_stage.webhooks.stage_name
  }

  quota_settings {
    limit  = var.daily_quota
    period = "DAY"
  }

  # A sender can't start more at once than the function may run.
  throttle_settings {
    burst_limit = local.reserved_concurrency
    rate_limit  = local.reserved_concurrency
  }
}

resource "aws_api_gateway_usage_plan_key" "sender" {
  key_id        = aws_api_gateway_api_key.sender.id
  key_type      = "API_KEY"
  usage_plan_id = aws_api_gateway_usage_plan.senders.id
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

# Invocations that raised or timed out.
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

# What the sender sees and Lambda may not count: answers with a 500, timeouts of the API, and requests
# that found all of the reserved concurrency in use.
resource "aws_cloudwatch_metric_alarm" "server_error_rate" {
  alarm_name          = "${local.api_name}-server-error-rate"
  alarm_description   = "More than ${local.error_rate_percent} % of the webhooks were answered with a 5xx within 5 minutes"
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.error_rate_percent
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "server_error_rate"
    expression  = "IF(requests > 0, 100 * failures / requests, 0)"
    label       = "Answered with 5xx (%)"
    return_data = true
  }

  metric_query {
    id = "failures"

    metric {
      namespace   = "AWS/ApiGateway"
      metric_name = "5XXError"
      period      = local.alarm_period
      stat        = "Sum"

      dimensions = {
        ApiName = aws_api_gateway_rest_api.webhooks.name
        Stage   = aws_api_gateway_stage.webhooks.stage_name
      }
    }
  }

  metric_query {
    id = "requests"

    metric {
      namespace   = "AWS/ApiGateway"
      metric_name = "Count"
      period      = local.alarm_period
      stat        = "Sum"

      dimensions = {
        ApiName = aws_api_gateway_rest_api.webhooks.name
        Stage   = aws_api_gateway_stage.webhooks.stage_name
      }
    }
  }
}

# A dead letter is a transaction that was accepted and not settled; somebody must look.
resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${aws_sqs_queue.dead_letters.name}-not-empty"
  alarm_description   = "Transactions that ${local.function_names["settlement"]} could not settle wait in ${aws_sqs_queue.dead_letters.name}"
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
  description = "What every name of the stack starts with."
  value       = local.name_prefix
}

output "currencies" {
  description = "Currencies that webhooks may be about."
  value       = local.currencies
}

output "daily_quota" {
  description = "Webhooks that one API key may send in a day."
  value       = var.daily_quota
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
  description = "Name of the table of transactions."
  value       = aws_dynamodb_table.transactions.name
}

output "table_arn" {
  description = "ARN of the table of transactions."
  value       = aws_dynamodb_table.transactions.arn
}

output "api_id" {
  description = "Id of the API."
  value       = aws_api_gateway_rest_api.webhooks.id
}

output "api_arn" {
  description = "ARN of the API."
  value       = aws_api_gateway_rest_api.webhooks.arn
}

output "api_stage" {
  description = "Name of the API's stage."
  value       = aws_api_gateway_stage.webhooks.stage_name
}

output "webhooks_url" {
  description = "Where webhooks are posted to; a currency follows."
  value       = "${aws_api_gateway_stage.webhooks.invoke_url}/webhooks"
}

output "api_key_id" {
  description = "Id of the API key, by which those who may can read its value."
  value       = aws_api_gateway_api_key.sender.id
}

output "usage_plan_id" {
  description = "Id of the usage plan."
  value       = aws_api_gateway_usage_plan.senders.id
}

output "webhook_function_name" {
  description = "Name of the function that stores transactions."
  value       = aws_lambda_function.webhook.function_name
}

output "webhook_function_arn" {
  description = "ARN of the function that stores transactions."
  value       = aws_lambda_function.webhook.arn
}

output "webhook_role_name" {
  description = "Name of the role of the function that stores transactions."
  value       = aws_iam_role.webhook.name
}

output "webhook_role_arn" {
  description = "ARN of the role of the function that stores transactions."
  value       = aws_iam_role.webhook.arn
}

output "webhook_log_group_name" {
  description = "Name of the log group of the function that stores transactions."
  value       = aws_cloudwatch_log_group.function["webhook"].name
}

output "webhook_log_group_arn" {
  description = "ARN of the log group of the function that stores transactions."
  value       = aws_cloudwatch_log_group.function["webhook"].arn
}

output "settlement_function_name" {
  description = "Name of the function that settles transactions."
  value       = aws_lambda_function.settlement.function_name
}

output "settlement_function_arn" {
  description = "ARN of the function that settles transactions."
  value       = aws_lambda_function.settlement.arn
}

output "settlement_role_name" {
  description = "Name of the role of the function that settles transactions."
  value       = aws_iam_role.settlement.name
}

output "settlement_role_arn" {
  description = "ARN of the role of the function that settles transactions."
  value       = aws_iam_role.settlement.arn
}

output "settlement_log_group_name" {
  description = "Name of the log group of the function that settles transactions."
  value       = aws_cloudwatch_log_group.function["settlement"].name
}

output "settlement_log_group_arn" {
  description = "ARN of the log group of the function that settles transactions."
  value       = aws_cloudwatch_log_group.function["settlement"].arn
}

output "queue_name" {
  description = "Name of the queue of transactions to settle."
  value       = aws_sqs_queue.settlement.name
}

output "queue_arn" {
  description = "ARN of the queue of transactions to settle."
  value       = aws_sqs_queue.settlement.arn
}

output "queue_url" {
  description = "URL of the queue of transactions to settle."
  value       = aws_sqs_queue.settlement.url
}

output "dead_letter_queue_name" {
  description = "Name of the queue with the transactions that could not be settled."
  value       = aws_sqs_queue.dead_letters.name
}

output "dead_letter_queue_arn" {
  description = "ARN of the queue with the transactions that could not be settled."
  value       = aws_sqs_queue.dead_letters.arn
}

output "dead_letter_queue_url" {
  description = "URL of the queue with the transactions that could not be settled."
  value       = aws_sqs_queue.dead_letters.url
}

output "metric_namespace" {
  description = "Namespace of the metrics that count transactions."
  value       = local.metric_namespace
}

output "metric_names" {
  description = "Name of the metric that counts a currency's transactions, by currency."
  value       = { for currency, filter in aws_cloudwatch_log_metric_filter.transactions : currency => filter.metric_transformation[0].name }
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
    [aws_cloudwatch_metric_alarm.server_error_rate, aws_cloudwatch_metric_alarm.dead_letters],
  )
}
