# Transactions from a Kinesis stream into a table, in a network without a way out.
#
# Lambda reads the stream and runs `processor` in the private subnets of a VPC that has neither an internet
# nor a NAT gateway; what the function calls, it reaches through endpoints that let nothing else through.
# Everything is encrypted with one customer-managed key.

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
  description = "AWS region of the whole stack; another one needs its own availability_zone_ids."
  type        = string
  default     = "us-east-1"
  nullable    = false

  # The China regions are left out: their service principals and endpoints have another DNS suffix.
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
  default     = "transaction-pipeline"
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

variable "vpc_cidr" {
  description = "IPv4 range of the VPC; each of the three subnets gets a quarter of it."
  type        = string
  default     = "10.40.0.0/22"
  nullable    = false

  # A VPC is /16 to /28; a quarter of a /24 leaves 59 addresses for endpoints and functions.
  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && can(regex("/(1[6-9]|2[0-4])$", var.vpc_cidr))
    error_message = "vpc_cidr must be an IPv4 range from /16 to /24, such as 10.40.0.0/22."
  }
}

variable "availability_zone_ids" {
  description = "The three zones of the subnets, by their ids: a zone's name differs from account to account."
  type        = list(string)
  default     = ["use1-az1", "use1-az2", "use1-az4"]
  nullable    = false

  validation {
    condition     = length(var.availability_zone_ids) == 3 && length(distinct(var.availability_zone_ids)) == 3 && alltrue([for id in var.availability_zone_ids : can(regex("^[a-z]{3,4}[1-9]-az[1-9]$", id))])
    error_message = "availability_zone_ids must be three different ids such as use1-az1."
  }

  validation {
    condition     = !contains(var.availability_zone_ids, "use1-az3")
    error_message = "availability_zone_ids must not name use1-az3: Lambda runs no functions in subnets of that zone."
  }
}

variable "stream_retention_hours" {
  description = "Hours the stream keeps its records: the time to deal with what was not written."
  type        = number
  default     = 168
  nullable    = false

  validation {
    condition     = var.stream_retention_hours >= 24 && var.stream_retention_hours <= 8760 && floor(var.stream_retention_hours) == var.stream_retention_hours
    error_message = "stream_retention_hours must be a whole number from 24 to 8760, Kinesis' own limits."
  }
}

variable "retry_attempts" {
  description = "Deliveries of a batch after the first, before its place in the stream goes to the failures."
  type        = number
  default     = 20
  nullable    = false

  # -1, which means for ever, is left out on purpose: one batch could hold up its shard until it expires.
  validation {
    condition     = var.retry_attempts >= 0 && var.retry_attempts <= 10000 && floor(var.retry_attempts) == var.retry_attempts
    error_message = "retry_attempts must be a whole number from 0 to 10000."
  }
}

variable "log_retention_days" {
  description = "Days the logs are kept."
  type        = number
  default     = 90
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

  table_name    = "${local.name_prefix}-transactions"
  stream_name   = "${local.name_prefix}-transactions"
  function_name = "${local.name_prefix}-processor"

  log_group_names = {
    processor = "/aws/lambda/${local.function_name}"
    flow_log  = "/aws/vpc/${local.name_prefix}-flow-log"
  }

  # ARNs made from names, for policies that must exist before what they speak of.
  function_arn   = "arn:${local.partition}:lambda:${var.region}:${local.account_id}:function:${local.function_name}"
  log_group_arns = [for name in values(local.log_group_names) : "arn:${local.partition}:logs:${var.region}:${local.account_id}:log-group:${name}"]
  alarm_arns     = "arn:${local.partition}:cloudwatch:${var.region}:${local.account_id}:alarm:${local.name_prefix}-*"

  # Number of each subnet, in the range of the VPC and among the zones.
  subnets = { first = 0, second = 1, third = 2 }

  error_rate_percent = 5
  alarm_period       = 300
  iterator_age_limit = 300
}

# ---------------------------------------------------------------------------------------------------
# The key
# ---------------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:a key's policy stands on the key alone, and the account must be able to manage it
  #checkov:skip=CKV_AWS_111:a key's policy stands on the key alone, and the account must be able to manage it
  #checkov:skip=CKV_AWS_356:a key's policy stands on the key alone

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
    sid = "LogsOfThisStack"
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

  # Both open the key in the name of whoever reads or writes; their own access is for what they do by
  # themselves, on this account's behalf only.
  statement {
    sid       = "TableAndStreamOfThisAccount"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["dynamodb.amazonaws.com", "kinesis.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }

  # The alarms' topic is encrypted with the same key, and CloudWatch publishes in its own name.
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
  description             = "Stream, table, logs, queues, environment variables and alarms of ${local.name_prefix}"
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
# The stream and the table
# ---------------------------------------------------------------------------------------------------

resource "aws_kinesis_stream" "transactions" {
  name             = local.stream_name
  retention_period = var.stream_retention_hours
  encryption_type  = "KMS"
  kms_key_id       = aws_kms_key.main.arn
  # Otherwise a reader that somebody registered keeps the stream from being destroyed.
  enforce_consumer_deletion = !local.is_production

  stream_mode_details {
    stream_mode = "ON_DEMAND"
  }
}

resource "aws_dynamodb_table" "transactions" {
  name                        = local.table_name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "transactionId"
  deletion_protection_enabled = local.deletion_protection

  attribute {
    name = "transactionId"
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
# The network: three subnets, no way out
# ---------------------------------------------------------------------------------------------------

resource "aws_vpc" "main" {
  cidr_block = var.vpc_cidr
  # Both, so that a service's own name leads to its endpoint.
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = {
    Name = "${local.name_prefix}-vpc"
  }
}

# What AWS makes by itself lets everything through; without rules it lets nothing.
resource "aws_default_security_group" "main" {
  vpc_id = aws_vpc.main.id

  tags = {
    Name = "${local.name_prefix}-unused"
  }
}

resource "aws_subnet" "private" {
  for_each = local.subnets

  vpc_id               = aws_vpc.main.id
  cidr_block           = cidrsubnet(var.vpc_cidr, 2, each.value)
  availability_zone_id = var.availability_zone_ids[each.value]

  tags = {
    Name = "${local.name_prefix}-private-${each.key}"
  }
}

# Its only route beyond the VPC is the one that the gateway endpoint puts into it.
resource "aws_route_table" "private" {
  vpc_id = aws_vpc.main.id

  tags = {
    Name = "${local.name_prefix}-private"
  }
}

resource "aws_route_table_association" "private" {
  for_each = local.subnets

  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private.id
}

resource "aws_security_group" "processor" {
  name        = "${local.name_prefix}-processor"
  description = "The function: nobody calls it, and it calls the endpoints"
  vpc_id      = aws_vpc.main.id

  tags = {
    Name = "${local.name_prefix}-processor"
  }
}

resource "aws_security_group" "endpoints" {
  name        = "${local.name_prefix}-endpoints"
  description = "The interface endpoints: the function calls them, and they call nobody"
  vpc_id      = aws_vpc.main.id

  tags = {
    Name = "${local.name_prefix}-endpoints"
  }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_from_processor" {
  security_group_id            = aws_security_group.endpoints.id
  description                  = "HTTPS from the function"
  referenced_security_group_id = aws_security_group.processor.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "processor_to_endpoints" {
  security_group_id            = aws_security_group.processor.id
  description                  = "HTTPS to the interface endpoints"
  referenced_security_group_id = aws_security_group.endpoints.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

# A gateway endpoint has no address of its own: the table is behind DynamoDB's public ones.
resource "aws_vpc_security_group_egress_rule" "processor_to_dynamodb" {
  security_group_id = aws_security_group.processor.id
  description       = "HTTPS to DynamoDB through its gateway endpoint"
  prefix_list_id    = aws_vpc_endpoint.dynamodb.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# ---------------------------------------------------------------------------------------------------
# Endpoints: the function's role, its own actions, its own resources
# ---------------------------------------------------------------------------------------------------

locals {
  # The function's code calls dynamodb and sqs. Reading the stream, writing the logs and decrypting the
  # environment is done by Lambda from its own network; should the code ever do it, it may do just that.
  endpoints = {
    dynamodb = {
      actions   = ["dynamodb:PutItem"]
      resources = [aws_dynamodb_table.transactions.arn]
    }
    kinesis-streams = {
      actions   = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
      resources = [aws_kinesis_stream.transactions.arn]
    }
    kms = {
      actions   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
      resources = [aws_kms_key.main.arn]
    }
    lambda = {
      actions   = ["lambda:InvokeFunction"]
      resources = [local.function_arn]
    }
    logs = {
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["${aws_cloudwatch_log_group.main["processor"].arn}:*"]
    }
    sqs = {
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.main["rejects"].arn]
    }
  }
}

data "aws_iam_policy_document" "endpoint" {
  #checkov:skip=CKV_AWS_283:an endpoint's policy names everybody and narrows by aws:PrincipalArn, as a gateway endpoint asks for; it grants nothing that the role's own policy does not
  for_each = local.endpoints

  statement {
    sid       = "FunctionOfThisStack"
    actions   = each.value.actions
    resources = each.value.resources

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = [aws_iam_role.processor.arn]
    }
  }
}

resource "aws_vpc_endpoint" "dynamodb" {
  vpc_id            = aws_vpc.main.id
  service_name      = "com.amazonaws.${var.region}.dynamodb"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]
  policy            = data.aws_iam_policy_document.endpoint["dynamodb"].json

  tags = {
    Name = "${local.name_prefix}-dynamodb"
  }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = toset([for service in keys(local.endpoints) : service if service != "dynamodb"])

  vpc_id              = aws_vpc.main.id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = values(aws_subnet.private)[*].id
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true
  policy              = data.aws_iam_policy_document.endpoint[each.key].json

  tags = {
    Name = "${local.name_prefix}-${each.key}"
  }
}

# ---------------------------------------------------------------------------------------------------
# Logs of the function, and of what the network refused
# ---------------------------------------------------------------------------------------------------

resource "aws_cloudwatch_log_group" "main" {
  #checkov:skip=CKV_AWS_338:these logs hold diagnostics, not an audit trail; 90 days are the stack's retention and a variable changes it
  for_each = local.log_group_names

  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.main.arn
}

# In a network without a way out only what is refused is news, and it costs next to nothing.
resource "aws_flow_log" "rejected" {
  vpc_id               = aws_vpc.main.id
  traffic_type         = "REJECT"
  log_destination_type = "cloud-watch-logs"
  log_destination      = aws_cloudwatch_log_group.main["flow_log"].arn
  iam_role_arn         = aws_iam_role.flow_log.arn

  tags = {
    Name = "${local.name_prefix}-flow-log"
  }

  # Without permissions the flow log is made all the same, and delivers nothing.
  depends_on = [aws_iam_role_policy.flow_log]
}

# ---------------------------------------------------------------------------------------------------
# What was not written
# ---------------------------------------------------------------------------------------------------

# rejects: records that are no transactions, whole, sent by the function. failures: places in the stream of
# batches that were delivered in vain, sent by Lambda; the stream still has the records.
resource "aws_sqs_queue" "main" {
  for_each = toset(["rejects", "failures"])

  name                              = "${local.name_prefix}-${each.key}"
  message_retention_seconds         = 1209600
  kms_master_key_id                 = aws_kms_key.main.arn
  kms_data_key_reuse_period_seconds = 300
}

# ---------------------------------------------------------------------------------------------------
# Roles
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

data "aws_iam_policy_document" "flow_log_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["vpc-flow-logs.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

locals {
  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
  interface_actions = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ]
}

data "aws_iam_policy_document" "processor" {
  #checkov:skip=CKV_AWS_111:the only writes on every resource are network interfaces, which Lambda makes with ids that nobody knows, and traces; the function's own code is denied the former
  #checkov:skip=CKV_AWS_356:what stands on every resource has no resource-level permissions, or is about network interfaces with ids that nobody knows

  statement {
    sid       = "WriteOwnLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.main["processor"].arn}:*"]
  }

  # X-Ray has no resource-level permissions for these two.
  statement {
    sid       = "SendTraces"
    actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    resources = ["*"]
  }

  # Lambda connects the function to the subnets with the function's role; the code has no use for that.
  statement {
    sid       = "ConnectToTheNetwork"
    actions   = local.interface_actions
    resources = ["*"]
  }

  statement {
    sid       = "OnlyLambdaItselfConnects"
    effect    = "Deny"
    actions   = local.interface_actions
    resources = ["*"]

    condition {
      test     = "ArnEquals"
      variable = "lambda:SourceFunctionArn"
      values   = [local.function_arn]
    }
  }

  statement {
    sid = "ReadTheStream"
    actions = [
      "kinesis:DescribeStream",
      "kinesis:DescribeStreamSummary",
      "kinesis:GetRecords",
      "kinesis:GetShardIterator",
      "kinesis:ListShards",
    ]
    resources = [aws_kinesis_stream.transactions.arn]
  }

  statement {
    sid       = "PutTransactions"
    actions   = ["dynamodb:PutItem"]
    resources = [aws_dynamodb_table.transactions.arn]
  }

  # The function sends the rejects, and Lambda sends the failures as the function's role.
  statement {
    sid       = "SendWhatWasNotWritten"
    actions   = ["sqs:SendMessage"]
    resources = [for queue in aws_sqs_queue.main : queue.arn]
  }

  # Kinesis, DynamoDB and SQS open the key in the name of whoever calls them.
  statement {
    sid       = "UseKeyThroughServices"
    actions   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.main.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = [for service in ["dynamodb", "kinesis", "sqs"] : "${service}.${var.region}.amazonaws.com"]
    }
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
}

data "aws_iam_policy_document" "flow_log" {
  statement {
    sid       = "WriteOwnLogs"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.main["flow_log"].arn}:*"]
  }

  statement {
    sid       = "FindOwnLogs"
    actions   = ["logs:DescribeLogGroups"]
    resources = ["arn:${local.partition}:logs:${var.region}:${local.account_id}:log-group:*"]
  }
}

resource "aws_iam_role" "processor" {
  name               = "${local.name_prefix}-processor-role"
  description        = "What ${local.function_name} runs as, and Lambda reads ${local.stream_name} as"
  assume_role_policy = data.aws_iam_policy_document.lambda_trust.json
}

resource "aws_iam_role" "flow_log" {
  name               = "${local.name_prefix}-flow-log-role"
  description        = "What writes the flow log of ${local.name_prefix}-vpc"
  assume_role_policy = data.aws_iam_policy_document.flow_log_trust.json
}

resource "aws_iam_role_policy" "processor" {
  name   = "${local.name_prefix}-processor-policy"
  role   = aws_iam_role.processor.id
  policy = data.aws_iam_policy_document.processor.json
}

resource "aws_iam_role_policy" "flow_log" {
  name   = "${local.name_prefix}-flow-log-policy"
  role   = aws_iam_role.flow_log.id
  policy = data.aws_iam_policy_document.flow_log.json
}

# ---------------------------------------------------------------------------------------------------
# The function
# ---------------------------------------------------------------------------------------------------

resource "aws_lambda_function" "processor" {
  #checkov:skip=CKV_AWS_115:one batch of each shard is under way at a time, so the stream itself is the limit; a reservation would take capacity from the account
  #checkov:skip=CKV_AWS_116:nobody invokes it asynchronously; what the event source mapping gives up goes to the queue of failures
  #checkov:skip=CKV_AWS_272:the package's hash is part of the plan that is reviewed and applied; a signing profile would be a second chain of trust

  function_name    = local.function_name
  description      = "Writes the transactions of ${local.stream_name} into ${local.table_name}, each once"
  role             = aws_iam_role.processor.arn
  runtime          = "python3.13"
  handler          = "handler.handle"
  filename         = "${path.module}/.tap/packages/processor.zip"
  source_code_hash = filebase64sha256("${path.module}/.tap/packages/processor.zip")
  memory_size      = 1024
  timeout          = 60
  kms_key_arn      = aws_kms_key.main.arn

  environment {
    variables = {
      TABLE_NAME  = aws_dynamodb_table.transactions.name
      REJECTS_URL = aws_sqs_queue.main["rejects"].url
    }
  }

  vpc_config {
    subnet_ids         = values(aws_subnet.private)[*].id
    security_group_ids = [aws_security_group.processor.id]
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.main["processor"].name
  }

  tracing_config {
    mode = "Active"
  }

  # Lambda would make a log group without key and retention itself, and checks at creation that the role
  # may make network interfaces.
  depends_on = [aws_cloudwatch_log_group.main, aws_iam_role_policy.processor]
}

# A batch waits a second for company. One that fails is tried again from the record that the function named,
# or in halves where it named none.
resource "aws_lambda_event_source_mapping" "transactions" {
  event_source_arn                   = aws_kinesis_stream.transactions.arn
  function_name                      = aws_lambda_function.processor.arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 100
  maximum_batching_window_in_seconds = 1
  maximum_retry_attempts             = var.retry_attempts
  bisect_batch_on_function_error     = true
  function_response_types            = ["ReportBatchItemFailures"]

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.main["failures"].arn
    }
  }

  # The first batch must find the way to the table and the queue open.
  depends_on = [
    aws_iam_role_policy.processor,
    aws_route_table_association.private,
    aws_vpc_endpoint.interface,
    aws_vpc_security_group_egress_rule.processor_to_dynamodb,
    aws_vpc_security_group_egress_rule.processor_to_endpoints,
    aws_vpc_security_group_ingress_rule.endpoints_from_processor,
  ]
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

# Batches that were throttled are no errors to Lambda; those show in the iterator's age.
resource "aws_cloudwatch_metric_alarm" "error_rate" {
  alarm_name          = "${local.function_name}-error-rate"
  alarm_description   = "More than ${local.error_rate_percent} % of the invocations of ${local.function_name} failed within 5 minutes"
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

# DynamoDB counts these for the whole account in the region: the metric has no dimensions. Throttled and
# conditional writes, the pipeline's daily bread, are not among them.
resource "aws_cloudwatch_metric_alarm" "table_user_errors" {
  alarm_name          = "${local.table_name}-user-errors"
  alarm_description   = "DynamoDB refused requests of this account as wrong within 5 minutes: permissions, keys or tables that are not there"
  namespace           = "AWS/DynamoDB"
  metric_name         = "UserErrors"
  statistic           = "Sum"
  period              = local.alarm_period
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

# A shard that is held up, by throttling, a fault or too much traffic: whatever it is, records wait.
resource "aws_cloudwatch_metric_alarm" "iterator_age" {
  alarm_name          = "${local.stream_name}-iterator-age"
  alarm_description   = "Records of ${local.stream_name} waited for more than ${local.iterator_age_limit} seconds"
  namespace           = "AWS/Kinesis"
  metric_name         = "GetRecords.IteratorAgeMilliseconds"
  statistic           = "Maximum"
  period              = local.alarm_period
  comparison_operator = "GreaterThanThreshold"
  threshold           = 1000 * local.iterator_age_limit
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  dimensions = {
    StreamName = aws_kinesis_stream.transactions.name
  }
}

# Each message is a transaction that was sent and not written; somebody must look.
resource "aws_cloudwatch_metric_alarm" "not_written" {
  for_each = aws_sqs_queue.main

  alarm_name          = "${each.value.name}-not-empty"
  alarm_description   = "Transactions that ${local.function_name} did not write wait in ${each.value.name}"
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
    QueueName = each.value.name
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

output "stream_name" {
  description = "Name of the stream that takes the transactions."
  value       = aws_kinesis_stream.transactions.name
}

output "stream_arn" {
  description = "ARN of the stream that takes the transactions."
  value       = aws_kinesis_stream.transactions.arn
}

output "table_name" {
  description = "Name of the table."
  value       = aws_dynamodb_table.transactions.name
}

output "table_arn" {
  description = "ARN of the table."
  value       = aws_dynamodb_table.transactions.arn
}

output "processor_function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.processor.function_name
}

output "processor_function_arn" {
  description = "ARN of the function."
  value       = aws_lambda_function.processor.arn
}

output "processor_role_name" {
  description = "Name of the function's role."
  value       = aws_iam_role.processor.name
}

output "processor_role_arn" {
  description = "ARN of the function's role."
  value       = aws_iam_role.processor.arn
}

output "processor_log_group_name" {
  description = "Name of the function's log group."
  value       = aws_cloudwatch_log_group.main["processor"].name
}

output "processor_log_group_arn" {
  description = "ARN of the function's log group."
  value       = aws_cloudwatch_log_group.main["processor"].arn
}

output "event_source_mapping_id" {
  description = "Id of what delivers the stream to the function."
  value       = aws_lambda_event_source_mapping.transactions.uuid
}

output "rejects_queue_name" {
  description = "Name of the queue with records that are no transactions."
  value       = aws_sqs_queue.main["rejects"].name
}

output "rejects_queue_arn" {
  description = "ARN of the queue with records that are no transactions."
  value       = aws_sqs_queue.main["rejects"].arn
}

output "rejects_queue_url" {
  description = "URL of the queue with records that are no transactions."
  value       = aws_sqs_queue.main["rejects"].url
}

output "failures_queue_name" {
  description = "Name of the queue with the places of batches that were delivered in vain."
  value       = aws_sqs_queue.main["failures"].name
}

output "failures_queue_arn" {
  description = "ARN of the queue with the places of batches that were delivered in vain."
  value       = aws_sqs_queue.main["failures"].arn
}

output "failures_queue_url" {
  description = "URL of the queue with the places of batches that were delivered in vain."
  value       = aws_sqs_queue.main["failures"].url
}

output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.main.id
}

output "private_subnet_ids" {
  description = "Ids of the three subnets."
  value       = values(aws_subnet.private)[*].id
}

output "vpc_endpoint_ids" {
  description = "Ids of the endpoints, by service."
  value       = merge({ for service, endpoint in aws_vpc_endpoint.interface : service => endpoint.id }, { dynamodb = aws_vpc_endpoint.dynamodb.id })
}

output "processor_security_group_id" {
  description = "Id of the function's security group."
  value       = aws_security_group.processor.id
}

output "endpoints_security_group_id" {
  description = "Id of the interface endpoints' security group."
  value       = aws_security_group.endpoints.id
}

output "flow_log_role_arn" {
  description = "ARN of the role that writes the flow log."
  value       = aws_iam_role.flow_log.arn
}

output "flow_log_group_arn" {
  description = "ARN of the log group with what the network refused."
  value       = aws_cloudwatch_log_group.main["flow_log"].arn
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
  description = "Names of the alarms."
  value = sort(concat(
    [
      aws_cloudwatch_metric_alarm.error_rate.alarm_name,
      aws_cloudwatch_metric_alarm.iterator_age.alarm_name,
      aws_cloudwatch_metric_alarm.table_user_errors.alarm_name,
    ],
    [for alarm in aws_cloudwatch_metric_alarm.not_written : alarm.alarm_name],
  ))
}
