# What was there before Terraform is taken into its hands: the test makes the parameters, and nothing may be made anew.
terraform {
  required_version = ">= 1.6"

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

locals {
  found = { one = "/found/one", two = "/found/two" }
}

import {
  for_each = local.found
  to       = aws_ssm_parameter.found[each.key]
  id       = each.value
}

import {
  to = aws_iam_role.found
  id = "found"
}

resource "aws_ssm_parameter" "found" {
  for_each = local.found

  name  = each.value
  type  = "String"
  value = "made by hand"
}

resource "aws_iam_role" "found" {
  name = "found"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

output "role_arn" {
  value = aws_iam_role.found.arn
}
