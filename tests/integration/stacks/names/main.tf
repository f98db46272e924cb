# Types that are found by their name, as far as the embedded AWS has them and they come up in a second.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

variable "region" {
  type    = string
  default = "eu-west-1"
}

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = { Environment = "dev", Project = "names", ManagedBy = "terraform" }
  }
}

provider "aws" {
  alias  = "far"
  region = var.region

  default_tags {
    tags = { Environment = "dev", Project = "names", ManagedBy = "terraform" }
  }
}

locals {
  trust  = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] })
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::names/x" }] })
}

resource "aws_backup_vault" "main" {
  name = "names"
}

resource "aws_cloudwatch_event_bus" "main" {
  name = "names"
}

resource "aws_cloudwatch_event_rule" "main" {
  name                = "names"
  schedule_expression = "rate(1 hour)"
}

resource "aws_cloudwatch_log_group" "main" {
  name = "/names"
}

resource "aws_cloudwatch_log_stream" "main" {
  name           = "names"
  log_group_name = "/names"
  depends_on     = [aws_cloudwatch_log_group.main]
}

resource "aws_cloudwatch_metric_alarm" "main" {
  alarm_name          = "names"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 1
  metric_name         = "Errors"
  namespace           = "AWS/Lambda"
  period              = 60
  statistic           = "Sum"
  threshold           = 0
}

resource "aws_db_parameter_group" "main" {
  name   = "names"
  family = "postgres16"
}

resource "aws_dynamodb_table" "main" {
  for_each     = toset(["one", "t w=o"])
  name         = replace("names-${each.key}", " ", "")
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }
}

resource "aws_ecr_repository" "main" {
  name = "names"
}

resource "aws_ecs_cluster" "main" {
  name = "names"
}

resource "aws_glue_catalog_database" "main" {
  name = "names"
}

resource "aws_iam_group" "main" {
  name = "names"
}

resource "aws_iam_instance_profile" "main" {
  name = "names"
}

resource "aws_iam_policy" "main" {
  name   = "names"
  path   = "/team/"
  policy = local.policy
}

resource "aws_iam_role" "main" {
  name               = "names"
  assume_role_policy = local.trust
}

resource "aws_iam_user" "main" {
  name = "names"
}

resource "aws_lambda_function" "main" {
  function_name = "names"
  role          = "arn:aws:iam::123456789012:role/names"
  filename      = "function.zip"
  handler       = "main.handle"
  runtime       = "python3.13"
  depends_on    = [aws_iam_role.main]
}

resource "aws_lambda_permission" "main" {
  statement_id  = "names"
  function_name = "names"
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  depends_on    = [aws_lambda_function.main]
}

resource "aws_s3_bucket" "main" {
  bucket = "names-of-the-test"
}

resource "aws_sns_topic" "main" {
  name = "names"
}

resource "aws_sns_topic" "far" {
  provider = aws.far
  name     = "names-far"
}

resource "aws_sqs_queue" "main" {
  name = "names"
}

resource "aws_ssm_document" "main" {
  name            = "names"
  document_type   = "Command"
  document_format = "JSON"
  content         = jsonencode({ schemaVersion = "1.2", description = "names", parameters = {}, runtimeConfig = {} })
}

resource "aws_ssm_parameter" "main" {
  name  = "/names"
  type  = "String"
  value = "something else"
}
