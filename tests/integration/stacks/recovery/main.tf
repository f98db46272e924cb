# What is found by name and what is not; `slow` takes as long as STEPS_SECONDS says, in a child of Terraform's.
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
    tags = { Environment = "dev", Project = "recovery", ManagedBy = "terraform" }
  }
}

resource "aws_cloudwatch_log_group" "main" {
  name              = "/recovery"
  retention_in_days = 14
}

resource "aws_iam_role" "main" {
  name = "recovery"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "terraform_data" "slow" {
  input = aws_iam_role.main.name

  provisioner "local-exec" {
    command = "sleep $${STEPS_SECONDS:-0}"
  }

  provisioner "local-exec" {
    when    = destroy
    command = "sleep $${STEPS_SECONDS:-0}"
  }
}

resource "aws_ssm_parameter" "last" {
  name  = "/recovery/last"
  type  = "String"
  value = terraform_data.slow.id
}

resource "aws_dynamodb_table" "main" {
  name         = "recovery"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }
}

resource "aws_kms_key" "main" {
  description = "recovery"
}
