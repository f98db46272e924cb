# What people change in the console: a key, a table, log groups, a security group, a topic, a parameter.
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
    tags = { Environment = "dev", Project = "tap", ManagedBy = "terraform", Owner = "nobody" }
  }
}

resource "aws_kms_key" "main" {
  description             = "Everything in this stack"
  enable_key_rotation     = true
  deletion_window_in_days = 7
}

resource "aws_dynamodb_table" "orders" {
  name         = "drift-orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.main.arn
  }
}

resource "aws_cloudwatch_log_group" "kept" {
  name              = "/drift/kept"
  retention_in_days = 14
}

resource "aws_cloudwatch_log_group" "lost" {
  name              = "/drift/lost"
  retention_in_days = 14
}

resource "aws_security_group" "service" {
  name        = "drift-service"
  description = "What reaches the service"

  ingress {
    description = "https from inside"
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["10.0.0.0/8"]
  }
}

resource "aws_sns_topic" "alarms" {
  name              = "drift-alarms"
  kms_master_key_id = aws_kms_key.main.arn
}

resource "aws_ssm_parameter" "password" {
  name  = "/drift/password"
  type  = "SecureString"
  value = "correct-horse"
}

output "arns" {
  value = [aws_kms_key.main.arn, aws_dynamodb_table.orders.arn, aws_sns_topic.alarms.arn]
}

output "retention" {
  value = aws_cloudwatch_log_group.kept.retention_in_days
}
