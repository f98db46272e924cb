# Values that no plan and no state may hold: an ephemeral variable, ephemeral resources, write-only arguments.
terraform {
  required_version = ">= 1.11"

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

variable "token" {
  type      = string
  ephemeral = true
  sensitive = true
}

variable "token_version" {
  type    = number
  default = 1
}

ephemeral "aws_secretsmanager_random_password" "generated" {
  password_length = 20
}

resource "aws_ssm_parameter" "token" {
  name             = "/token"
  type             = "SecureString"
  value_wo         = var.token
  value_wo_version = var.token_version
}

resource "aws_ssm_parameter" "password" {
  name             = "/password"
  type             = "SecureString"
  value_wo         = ephemeral.aws_secretsmanager_random_password.generated.random_password
  value_wo_version = 1
}

# Reads back what was written, and hands it on to nobody.
ephemeral "aws_ssm_parameter" "token" {
  arn = aws_ssm_parameter.token.arn
}

output "token_name" {
  value = aws_ssm_parameter.token.name
}
