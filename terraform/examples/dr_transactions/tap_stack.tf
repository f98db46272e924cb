# Transactions in two regions, active and passive: whatever one region has accepted, the other one has.
#
# Each region has a function, a replica of one global table, a bucket for documents, a key and alarms of its
# own; nothing that serves a request in one region needs the other. Documents are replicated from the primary
# to the secondary bucket only. Fail-over records in Route 53 are made where `failover` says for which name.
#
# What names no provider is in the primary region, or, like IAM and Route 53, in no region.

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

variable "primary_region" {
  description = "AWS region that serves as long as it is healthy."
  type        = string
  default     = "us-east-1"
  nullable    = false

  # The China regions are left out: their service principals have another DNS suffix.
  validation {
    condition     = can(regex("^(af|ap|ca|eu|il|me|mx|sa|us|us-gov)-(central|east|north|northeast|northwest|south|southeast|southwest|west)-[1-9]$", var.primary_region))
    error_message = "primary_region must be an AWS region such as us-east-1 (the China regions are not supported)."
  }
}

variable "secondary_region" {
  description = "AWS region that takes over; another one than the primary."
  type        = string
  default     = "us-west-2"
  nullable    = false

  validation {
    condition     = can(regex("^(af|ap|ca|eu|il|me|mx|sa|us|us-gov)-(central|east|north|northeast|northwest|south|southeast|southwest|west)-[1-9]$", var.secondary_region))
    error_message = "secondary_region must be an AWS region such as us-west-2 (the China regions are not supported)."
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
  default     = "disaster-recovery"
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
  default     = 7
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
  description = "Addresses that are told about the alarms of both regions; each must confirm both subscriptions."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "alarm_emails must hold e-mail addresses such as ops@example.com."
  }
}

variable "failover" {
  description = <<-EOT
    Fail-over records in Route 53; unset means none. `name` is the record in the hosted zone `zone_id`, not the zone
    itself. For each region, `target` is the domain name the record leads to (the regional domain name of an API's
    custom domain, a load balancer), and `health` the one whose HTTPS /health answers for that region alone.
  EOT
  type = object({
    zone_id   = string
    name      = string
    primary   = object({ target = string, health = string })
    secondary = object({ target = string, health = string })
  })
  default = null

  validation {
    condition     = var.failover == null || can(regex("^[A-Z0-9]{1,32}$", var.failover.zone_id))
    error_message = "failover.zone_id must be the id of a hosted zone, such as Z0123456789ABCDEFGHIJ."
  }

  validation {
    condition = var.failover == null || alltrue([
      for name in try([var.failover.name, var.failover.primary.target, var.failover.primary.health, var.failover.secondary.target, var.failover.secondary.health], []) :
      can(regex("^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z]{2,63}$", name))
    ])
    error_message = "failover must hold domain names such as api.example.com, without scheme, path or port."
  }

  # Two checks of one host would both fail or both pass, and nothing would ever fail over.
  validation {
    condition     = try(var.failover.primary.health != var.failover.secondary.health && var.failover.primary.target != var.failover.secondary.target, true)
    error_message = "failover.primary and failover.secondary must be different domain names."
  }
}

# ---------------------------------------------------------------------------------------------------
# Providers, account, names
# ---------------------------------------------------------------------------------------------------

provider "aws" {
  region = var.primary_region

  default_tags {
    tags = local.tags
  }
}

provider "aws" {
  alias  = "secondary"
  region = var.secondary_region

  default_tags {
    tags = local.tags
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  name_prefix         = "${var.company}-${var.environment}"
  is_production       = var.environment == "prod"
  deletion_protection = coalesce(var.deletion_protection, local.is_production)

  tags = {
    Environment = var.environment
    Project     = var.project
    Purpose     = var.purpose
    ManagedBy   = var.managed_by
  }

  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  regions = {
    primary   = var.primary_region
    secondary = var.secondary_region
  }

  # The same name in both regions, so that a runbook has one; buckets share one namespace of all regions.
  function_name = "${local.name_prefix}-transactions"
  table_name    = "${local.name_prefix}-transactions"
  topic_name    = "${local.name_prefix}-alarms"
  bucket_names  = { for role in keys(local.regions) : role => "${local.name_prefix}-documents-${role}-${local.account_id}" }
  documents     = "transactions/"

  # ARNs made from names, for policies that must exist before what they speak of: a key's policy can't
  # refer to log groups and alarms that are themselves encrypted with the key.
  function_arns  = { for role, region in local.regions : role => "arn:${local.partition}:lambda:${region}:${local.account_id}:function:${local.function_name}" }
  log_group_arns = { for role, region in local.regions : role => "arn:${local.partition}:logs:${region}:${local.account_id}:log-group:/aws/lambda/${local.function_name}" }
  alarm_arns     = { for role, region in local.regions : role => "arn:${local.partition}:cloudwatch:${region}:${local.account_id}:alarm:${local.name_prefix}-*" }
  table_arns     = { for role, region in local.regions : role => "arn:${local.partition}:dynamodb:${region}:${local.account_id}:table/${local.table_name}" }

  key_arns    = { primary = aws_kms_key.primary.arn, secondary = aws_kms_key.secondary.arn }
  bucket_arns = { primary = aws_s3_bucket.primary.arn, secondary = aws_s3_bucket.secondary.arn }
  topic_arns  = { primary = aws_sns_topic.primary.arn, secondary = aws_sns_topic.secondary.arn }

  error_rate_percent = 5
  alarm_period       = 300
}

# ---------------------------------------------------------------------------------------------------
# A key in each region
# ---------------------------------------------------------------------------------------------------

# Two keys with one alias and not one multi-region key: neither region's data can be read with the other's key.
data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:a key's own policy: "*" is this key alone, and without kms:* for the account nobody could manage it
  #checkov:skip=CKV_AWS_111:a key's own policy: "*" is this key alone, and every service's statement has a condition
  #checkov:skip=CKV_AWS_356:a key's own policy: "*" is this key alone

  for_each = local.regions

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
      identifiers = ["logs.${each.value}.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = [local.log_group_arns[each.key]]
    }
  }

  # For what the three do by themselves: replicate items and objects, keep what a function is made of. What they
  # do for a caller, they do with the caller's permission.
  statement {
    sid = "ServicesOfThisAccount"
    actions = [
      "kms:Encrypt",
      "kms:Decrypt",
      "kms:ReEncryptFrom",
      "kms:ReEncryptTo",
      "kms:GenerateDataKey",
      "kms:DescribeKey",
    ]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["dynamodb.amazonaws.com", "lambda.amazonaws.com", "s3.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }

  # A table's key is used by grants, also while nobody calls.
  statement {
    sid       = "TablesKeepGrants"
    actions   = ["kms:CreateGrant"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["dynamodb.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
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
      values   = [local.alarm_arns[each.key]]
    }
  }
}

resource "aws_kms_key" "primary" {
  description             = "Table, documents, logs, environment variables and alarms of ${local.name_prefix} in ${local.regions["primary"]}"
  enable_key_rotation     = true
  deletion_window_in_days = local.is_production ? 30 : 7
  policy                  = data.aws_iam_policy_document.key["primary"].json

  tags = {
    Name = "${local.name_prefix}-cmk"
  }
}

resource "aws_kms_alias" "primary" {
  name          = "alias/${local.name_prefix}-cmk"
  target_key_id = aws_kms_key.primary.key_id
}

resource "aws_kms_key" "secondary" {
  provider = aws.secondary

  description             = "Table, documents, logs, environment variables and alarms of ${local.name_prefix} in ${local.regions["secondary"]}"
  enable_key_rotation     = true
  deletion_window_in_days = local.is_production ? 30 : 7
  policy                  = data.aws_iam_policy_document.key["secondary"].json

  tags = {
    Name = "${local.name_prefix}-cmk"
  }
}

resource "aws_kms_alias" "secondary" {
  provider = aws.secondary

  name          = "alias/${local.name_prefix}-cmk"
  target_key_id = aws_kms_key.secondary.key_id
}

# ---------------------------------------------------------------------------------------------------
# The table
# ---------------------------------------------------------------------------------------------------

resource "aws_dynamodb_table" "main" {
  name                        = local.table_name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  stream_enabled              = true
  stream_view_type            = "NEW_AND_OLD_IMAGES"
  deletion_protection_enabled = local.deletion_protection

  attribute {
    name = "id"
    type = "S"
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.primary.arn
  }

  point_in_time_recovery {
    enabled = true
  }

  replica {
    region_name            = var.secondary_region
    kms_key_arn            = aws_kms_key.secondary.arn
    point_in_time_recovery = true
    propagate_tags         = true
  }

  lifecycle {
    precondition {
      condition     = var.primary_region != var.secondary_region
      error_message = "primary_region and secondary_region must be two regions: a region can't take over from itself."
    }
  }
}

# ---------------------------------------------------------------------------------------------------
# A bucket for documents in each region
# ---------------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "documents" {
  for_each = local.bucket_arns

  statement {
    sid       = "OnlyWithTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [each.value, "${each.value}/*"]

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

resource "aws_s3_bucket" "primary" {
  #checkov:skip=CKV_AWS_18:logs of access would need one more bucket in each region; CloudTrail's data events show who read a document
  #checkov:skip=CKV2_AWS_61:every version of a document is kept; how long the books must be, no stack can know
  #checkov:skip=CKV2_AWS_62:nothing waits for documents, and replication needs no notifications

  bucket        = local.bucket_names["primary"]
  force_destroy = !local.is_production
}

resource "aws_s3_bucket_versioning" "primary" {
  bucket = aws_s3_bucket.primary.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "primary" {
  bucket = aws_s3_bucket.primary.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.primary.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "primary" {
  bucket                  = aws_s3_bucket.primary.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "primary" {
  bucket = aws_s3_bucket.primary.id
  policy = data.aws_iam_policy_document.documents["primary"].json

  # S3 refuses two changes of a bucket's access at a time.
  depends_on = [aws_s3_bucket_public_access_block.primary]
}

resource "aws_s3_bucket" "secondary" {
  #checkov:skip=CKV_AWS_18:logs of access would need one more bucket in each region; CloudTrail's data events show who read a document
  #checkov:skip=CKV2_AWS_61:every version of a document is kept; how long the books must be, no stack can know
  #checkov:skip=CKV2_AWS_62:nothing waits for documents, and replication needs no notifications

  provider = aws.secondary

  bucket        = local.bucket_names["secondary"]
  force_destroy = !local.is_production
}

resource "aws_s3_bucket_versioning" "secondary" {
  provider = aws.secondary

  bucket = aws_s3_bucket.secondary.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "secondary" {
  provider = aws.secondary

  bucket = aws_s3_bucket.secondary.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.secondary.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "secondary" {
  provider = aws.secondary

  bucket                  = aws_s3_bucket.secondary.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "secondary" {
  provider = aws.secondary

  bucket = aws_s3_bucket.secondary.id
  policy = data.aws_iam_policy_document.documents["secondary"].json

  # S3 refuses two changes of a bucket's access at a time.
  depends_on = [aws_s3_bucket_public_access_block.secondary]
}

# ---------------------------------------------------------------------------------------------------
# Documents from the primary to the secondary bucket
# ---------------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "replication_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "replication" {
  statement {
    sid       = "ReadConfiguration"
    actions   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
    resources = [aws_s3_bucket.primary.arn]
  }

  statement {
    sid       = "ReadDocuments"
    actions   = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
    resources = ["${aws_s3_bucket.primary.arn}/*"]
  }

  statement {
    sid       = "WriteReplicas"
    actions   = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"]
    resources = ["${aws_s3_bucket.secondary.arn}/*"]
  }

  # Both buckets have bucket keys: their encryption context is the bucket and not the object.
  statement {
    sid       = "DecryptDocuments"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.primary.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.primary_region}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:s3:arn"
      values   = [aws_s3_bucket.primary.arn]
    }
  }

  statement {
    sid       = "EncryptReplicas"
    actions   = ["kms:Encrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.secondary.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.secondary_region}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:s3:arn"
      values   = [aws_s3_bucket.secondary.arn]
    }
  }
}

resource "aws_iam_role" "replication" {
  name               = "${local.name_prefix}-replication-role"
  description        = "What S3 replicates the documents of ${local.name_prefix} as"
  assume_role_policy = data.aws_iam_policy_document.replication_trust.json
}

resource "aws_iam_role_policy" "replication" {
  name   = "${local.name_prefix}-replication-policy"
  role   = aws_iam_role.replication.id
  policy = data.aws_iam_policy_document.replication.json
}

resource "aws_s3_bucket_replication_configuration" "documents" {
  bucket = aws_s3_bucket.primary.id
  role   = aws_iam_role.replication.arn

  rule {
    id       = "documents"
    priority = 0
    status   = "Enabled"

    filter {
      prefix = ""
    }

    # A document that is deleted by mistake in one region is still there in the other.
    delete_marker_replication {
      status = "Disabled"
    }

    source_selection_criteria {
      sse_kms_encrypted_objects {
        status = "Enabled"
      }
    }

    destination {
      bucket        = aws_s3_bucket.secondary.arn
      storage_class = "STANDARD"

      encryption_configuration {
        replica_kms_key_id = aws_kms_key.secondary.arn
      }
    }
  }

  # S3 accepts a configuration for versioned buckets only, and replicates only what its role may.
  depends_on = [
    aws_s3_bucket_versioning.primary,
    aws_s3_bucket_versioning.secondary,
    aws_s3_bucket_server_side_encryption_configuration.secondary,
    aws_iam_role_policy.replication,
  ]
}

# ---------------------------------------------------------------------------------------------------
# The function's logs in each region
# ---------------------------------------------------------------------------------------------------

resource "aws_cloudwatch_log_group" "primary" {
  #checkov:skip=CKV_AWS_338:these logs hold diagnostics, not an audit trail; the transactions themselves are in the table and the bucket

  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.primary.arn
}

resource "aws_cloudwatch_log_group" "secondary" {
  #checkov:skip=CKV_AWS_338:these logs hold diagnostics, not an audit trail; the transactions themselves are in the table and the bucket

  provider = aws.secondary

  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.secondary.arn
}

# ---------------------------------------------------------------------------------------------------
# Roles: one for the function of each region
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

# Each region's role opens nothing in the other region.
data "aws_iam_policy_document" "function" {
  for_each = local.regions

  statement {
    sid       = "WriteOwnLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.log_group_arns[each.key]}:*"]
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
    resources = [local.key_arns[each.key]]

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:lambda:FunctionArn"
      values   = [local.function_arns[each.key]]
    }
  }

  statement {
    sid       = "KeepTransactions"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns[each.key]]
  }

  # DynamoDB opens the table's key in the name of whoever reads or writes.
  statement {
    sid       = "UseTableKey"
    actions   = ["kms:Decrypt"]
    resources = [local.key_arns[each.key]]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["dynamodb.${each.value}.amazonaws.com"]
    }
  }

  statement {
    sid       = "KeepDocuments"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arns[each.key]}/${local.documents}*"]
  }

  # So does S3; it decrypts the bucket's own key to encrypt the next object with it.
  statement {
    sid       = "EncryptDocuments"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [local.key_arns[each.key]]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${each.value}.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "function" {
  for_each = local.regions

  name               = "${local.name_prefix}-transactions-${each.key}-role"
  description        = "What ${local.function_name} in ${each.value} runs as"
  assume_role_policy = data.aws_iam_policy_document.lambda_trust.json
}

resource "aws_iam_role_policy" "function" {
  for_each = local.regions

  name   = "${local.name_prefix}-transactions-${each.key}-policy"
  role   = aws_iam_role.function[each.key].id
  policy = data.aws_iam_policy_document.function[each.key].json
}

# ---------------------------------------------------------------------------------------------------
# The function in each region
# ---------------------------------------------------------------------------------------------------

resource "aws_lambda_function" "primary" {
  #checkov:skip=CKV_AWS_115:it must scale to the account's limit when all traffic of the other region comes; an alarm watches the throttles
  #checkov:skip=CKV_AWS_116:it is invoked synchronously: its caller has the answer, and repeats what has none
  #checkov:skip=CKV_AWS_117:it talks to nothing but public AWS endpoints with IAM; a VPC would add endpoints and protect nothing
  #checkov:skip=CKV_AWS_272:the package's hash is part of the plan that is reviewed and applied; a signing profile would be a second chain of trust

  function_name    = local.function_name
  description      = "Accepts, finds and documents transactions in ${local.regions["primary"]}"
  role             = aws_iam_role.function["primary"].arn
  runtime          = "python3.13"
  handler          = "handler.handle"
  filename         = "${path.module}/.tap/packages/transactions.zip"
  source_code_hash = filebase64sha256("${path.module}/.tap/packages/transactions.zip")
  memory_size      = 512
  timeout          = 60
  kms_key_arn      = aws_kms_key.primary.arn

  environment {
    variables = {
      TABLE_NAME      = aws_dynamodb_table.main.name
      DOCUMENT_BUCKET = aws_s3_bucket.primary.bucket
      DOCUMENT_PREFIX = local.documents
    }
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.primary.name
  }

  tracing_config {
    mode = "Active"
  }

  # Lambda would make a log group without key and retention itself; and no document may be older than the
  # encryption of its bucket.
  depends_on = [
    aws_cloudwatch_log_group.primary,
    aws_iam_role_policy.function,
    aws_s3_bucket_server_side_encryption_configuration.primary,
  ]
}

resource "aws_lambda_function" "secondary" {
  #checkov:skip=CKV_AWS_115:it must scale to the account's limit when all traffic of the other region comes; an alarm watches the throttles
  #checkov:skip=CKV_AWS_116:it is invoked synchronously: its caller has the answer, and repeats what has none
  #checkov:skip=CKV_AWS_117:it talks to nothing but public AWS endpoints with IAM; a VPC would add endpoints and protect nothing
  #checkov:skip=CKV_AWS_272:the package's hash is part of the plan that is reviewed and applied; a signing profile would be a second chain of trust

  provider = aws.secondary

  function_name    = local.function_name
  description      = "Accepts, finds and documents transactions in ${local.regions["secondary"]}"
  role             = aws_iam_role.function["secondary"].arn
  runtime          = "python3.13"
  handler          = "handler.handle"
  filename         = "${path.module}/.tap/packages/transactions.zip"
  source_code_hash = filebase64sha256("${path.module}/.tap/packages/transactions.zip")
  memory_size      = 512
  timeout          = 60
  kms_key_arn      = aws_kms_key.secondary.arn

  environment {
    variables = {
      TABLE_NAME      = aws_dynamodb_table.main.name
      DOCUMENT_BUCKET = aws_s3_bucket.secondary.bucket
      DOCUMENT_PREFIX = local.documents
    }
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.secondary.name
  }

  tracing_config {
    mode = "Active"
  }

  # Lambda would make a log group without key and retention itself; and no document may be older than the
  # encryption of its bucket.
  depends_on = [
    aws_cloudwatch_log_group.secondary,
    aws_iam_role_policy.function,
    aws_s3_bucket_server_side_encryption_configuration.secondary,
  ]
}

# ---------------------------------------------------------------------------------------------------
# Alarms in each region
# ---------------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "alarms_topic" {
  for_each = local.topic_arns

  statement {
    sid       = "AlarmsOfThisStackPublish"
    actions   = ["sns:Publish"]
    resources = [each.value]

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
      values   = [local.alarm_arns[each.key]]
    }
  }
}

# Not alias/aws/sns: nobody can let CloudWatch use that key, so its alarms would never be delivered.
resource "aws_sns_topic" "primary" {
  name              = local.topic_name
  kms_master_key_id = aws_kms_key.primary.arn
}

resource "aws_sns_topic_policy" "primary" {
  arn    = aws_sns_topic.primary.arn
  policy = data.aws_iam_policy_document.alarms_topic["primary"].json
}

resource "aws_sns_topic_subscription" "primary" {
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.primary.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_cloudwatch_metric_alarm" "primary_error_rate" {
  alarm_name          = "${local.function_name}-error-rate"
  alarm_description   = "More than ${local.error_rate_percent} % of the invocations of ${local.function_name} in ${local.regions["primary"]} failed within 5 minutes"
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.error_rate_percent
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.primary.arn]
  ok_actions          = [aws_sns_topic.primary.arn]

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
        FunctionName = aws_lambda_function.primary.function_name
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
        FunctionName = aws_lambda_function.primary.function_name
      }
    }
  }
}

# Nothing is reserved for the function: it is throttled when the account's own limit is reached.
resource "aws_cloudwatch_metric_alarm" "primary_throttles" {
  alarm_name          = "${local.function_name}-throttles"
  alarm_description   = "Invocations of ${local.function_name} in ${local.regions["primary"]} were throttled within 5 minutes: the account's concurrency is used up"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = local.alarm_period
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.primary.arn]
  ok_actions          = [aws_sns_topic.primary.arn]

  dimensions = {
    FunctionName = aws_lambda_function.primary.function_name
  }
}

resource "aws_cloudwatch_metric_alarm" "primary_table_throttles" {
  alarm_name          = "${local.table_name}-table-throttles"
  alarm_description   = "Reads or writes of ${local.table_name} in ${local.regions["primary"]} were throttled within 5 minutes"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.primary.arn]
  ok_actions          = [aws_sns_topic.primary.arn]

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

# Not alias/aws/sns: nobody can let CloudWatch use that key, so its alarms would never be delivered.
resource "aws_sns_topic" "secondary" {
  provider = aws.secondary

  name              = local.topic_name
  kms_master_key_id = aws_kms_key.secondary.arn
}

resource "aws_sns_topic_policy" "secondary" {
  provider = aws.secondary

  arn    = aws_sns_topic.secondary.arn
  policy = data.aws_iam_policy_document.alarms_topic["secondary"].json
}

resource "aws_sns_topic_subscription" "secondary" {
  provider = aws.secondary
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.secondary.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_cloudwatch_metric_alarm" "secondary_error_rate" {
  provider = aws.secondary

  alarm_name          = "${local.function_name}-error-rate"
  alarm_description   = "More than ${local.error_rate_percent} % of the invocations of ${local.function_name} in ${local.regions["secondary"]} failed within 5 minutes"
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.error_rate_percent
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.secondary.arn]
  ok_actions          = [aws_sns_topic.secondary.arn]

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
        FunctionName = aws_lambda_function.secondary.function_name
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
        FunctionName = aws_lambda_function.secondary.function_name
      }
    }
  }
}

# Nothing is reserved for the function: it is throttled when the account's own limit is reached.
resource "aws_cloudwatch_metric_alarm" "secondary_throttles" {
  provider = aws.secondary

  alarm_name          = "${local.function_name}-throttles"
  alarm_description   = "Invocations of ${local.function_name} in ${local.regions["secondary"]} were throttled within 5 minutes: the account's concurrency is used up"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = local.alarm_period
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.secondary.arn]
  ok_actions          = [aws_sns_topic.secondary.arn]

  dimensions = {
    FunctionName = aws_lambda_function.secondary.function_name
  }
}

resource "aws_cloudwatch_metric_alarm" "secondary_table_throttles" {
  provider = aws.secondary

  alarm_name          = "${local.table_name}-table-throttles"
  alarm_description   = "Reads or writes of ${local.table_name} in ${local.regions["secondary"]} were throttled within 5 minutes"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.secondary.arn]
  ok_actions          = [aws_sns_topic.secondary.arn]

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

# ---------------------------------------------------------------------------------------------------
# Fail-over records
# ---------------------------------------------------------------------------------------------------

locals {
  entries = var.failover == null ? {} : {
    primary   = var.failover.primary
    secondary = var.failover.secondary
  }
}

# After three failures, 30 s apart, the name leads to the other region within the record's minute.
resource "aws_route53_health_check" "entry" {
  for_each = local.entries

  type              = "HTTPS"
  fqdn              = each.value.health
  port              = 443
  resource_path     = "/health"
  request_interval  = 30
  failure_threshold = 3

  tags = {
    Name = "${local.name_prefix}-${each.key}"
  }
}

resource "aws_route53_record" "entry" {
  for_each = local.entries

  zone_id         = var.failover.zone_id
  name            = var.failover.name
  type            = "CNAME"
  ttl             = 60
  records         = [each.value.target]
  set_identifier  = each.key
  health_check_id = aws_route53_health_check.entry[each.key].id

  failover_routing_policy {
    type = upper(each.key)
  }
}

# ---------------------------------------------------------------------------------------------------
# Outputs
# ---------------------------------------------------------------------------------------------------

output "environment" {
  description = "Stage of the deployment."
  value       = var.environment
}

output "name_prefix" {
  description = "What every name of the stack starts with."
  value       = local.name_prefix
}

output "key_alias" {
  description = "Alias of the key of either region."
  value       = aws_kms_alias.primary.name
}

output "table_name" {
  description = "Name of the table in both regions."
  value       = aws_dynamodb_table.main.name
}

output "function_name" {
  description = "Name of the function in both regions."
  value       = aws_lambda_function.primary.function_name
}

output "log_group_name" {
  description = "Name of the function's log group in both regions."
  value       = aws_cloudwatch_log_group.primary.name
}

output "document_prefix" {
  description = "What the keys of documents begin with."
  value       = local.documents
}

output "replication_role_arn" {
  description = "ARN of the role that S3 replicates documents as."
  value       = aws_iam_role.replication.arn
}

output "failover_name" {
  description = "The name with fail-over records; null where there are none."
  value       = try(var.failover.name, null)
}

output "health_check_ids" {
  description = "Ids of the health checks by primary and secondary; empty without fail-over records."
  value       = { for role, check in aws_route53_health_check.entry : role => check.id }
}

output "primary_region" {
  description = "The primary region."
  value       = local.regions["primary"]
}

output "primary_key_id" {
  description = "Id of the primary region's key."
  value       = aws_kms_key.primary.key_id
}

output "primary_key_arn" {
  description = "ARN of the primary region's key."
  value       = aws_kms_key.primary.arn
}

output "primary_table_arn" {
  description = "ARN of the table in the primary region."
  value       = aws_dynamodb_table.main.arn
}

output "primary_function_arn" {
  description = "ARN of the primary region's function."
  value       = aws_lambda_function.primary.arn
}

output "primary_role_arn" {
  description = "ARN of the role of the primary region's function."
  value       = aws_iam_role.function["primary"].arn
}

output "primary_role_name" {
  description = "Name of the role of the primary region's function."
  value       = aws_iam_role.function["primary"].name
}

output "primary_log_group_arn" {
  description = "ARN of the log group of the primary region's function."
  value       = aws_cloudwatch_log_group.primary.arn
}

output "primary_bucket_name" {
  description = "Name of the primary region's bucket."
  value       = aws_s3_bucket.primary.bucket
}

output "primary_bucket_arn" {
  description = "ARN of the primary region's bucket."
  value       = aws_s3_bucket.primary.arn
}

output "primary_alarm_topic_arn" {
  description = "ARN of the topic of the primary region's alarms."
  value       = aws_sns_topic.primary.arn
}

output "primary_alarm_arns" {
  description = "ARNs of the primary region's alarms, sorted."
  value = sort([
    aws_cloudwatch_metric_alarm.primary_error_rate.arn,
    aws_cloudwatch_metric_alarm.primary_throttles.arn,
    aws_cloudwatch_metric_alarm.primary_table_throttles.arn,
  ])
}

output "secondary_region" {
  description = "The secondary region."
  value       = local.regions["secondary"]
}

output "secondary_key_id" {
  description = "Id of the secondary region's key."
  value       = aws_kms_key.secondary.key_id
}

output "secondary_key_arn" {
  description = "ARN of the secondary region's key."
  value       = aws_kms_key.secondary.arn
}

output "secondary_table_arn" {
  description = "ARN of the table in the secondary region."
  value       = one(aws_dynamodb_table.main.replica[*].arn)
}

output "secondary_function_arn" {
  description = "ARN of the secondary region's function."
  value       = aws_lambda_function.secondary.arn
}

output "secondary_role_arn" {
  description = "ARN of the role of the secondary region's function."
  value       = aws_iam_role.function["secondary"].arn
}

output "secondary_role_name" {
  description = "Name of the role of the secondary region's function."
  value       = aws_iam_role.function["secondary"].name
}

output "secondary_log_group_arn" {
  description = "ARN of the log group of the secondary region's function."
  value       = aws_cloudwatch_log_group.secondary.arn
}

output "secondary_bucket_name" {
  description = "Name of the secondary region's bucket."
  value       = aws_s3_bucket.secondary.bucket
}

output "secondary_bucket_arn" {
  description = "ARN of the secondary region's bucket."
  value       = aws_s3_bucket.secondary.arn
}

output "secondary_alarm_topic_arn" {
  description = "ARN of the topic of the secondary region's alarms."
  value       = aws_sns_topic.secondary.arn
}

output "secondary_alarm_arns" {
  description = "ARNs of the secondary region's alarms, sorted."
  value = sort([
    aws_cloudwatch_metric_alarm.secondary_error_rate.arn,
    aws_cloudwatch_metric_alarm.secondary_throttles.arn,
    aws_cloudwatch_metric_alarm.secondary_table_throttles.arn,
  ])
}
