# What CI hands over: a state in a bucket, a package that tap builds, a file that the provider reads during the apply.
terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  backend "s3" {
    bucket       = "tap-states"
    key          = "handover.tfstate"
    region       = "us-east-1"
    use_lockfile = true
    encrypt      = true
  }
}

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = { Environment = "dev", Project = "tap", ManagedBy = "terraform" }
  }
}

resource "aws_cloudwatch_log_group" "one" {
  name              = "acme-dev-one"
  retention_in_days = 14
  kms_key_id        = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
}

resource "aws_lambda_layer_version" "shared" {
  layer_name       = "acme-dev-shared"
  filename         = "${path.module}/.tap/packages/shared.zip"
  source_code_hash = filebase64sha256("${path.module}/.tap/packages/shared.zip")
}

resource "aws_s3_object" "page" {
  bucket = "tap-states"
  key    = "acme-dev-page"
  source = "${path.module}/files/page.html"
}
