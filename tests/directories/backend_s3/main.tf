# A backend that does not exist, with the profile and the account of a real environment.
terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  backend "s3" {
    bucket       = "there-is-no-such-bucket"
    key          = "orders/terraform.tfstate"
    region       = "eu-central-1"
    profile      = "production"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = "us-east-1"
  profile             = "production"
  allowed_account_ids = ["999999999999"]

  default_tags {
    tags = { Environment = "prod", Project = "tap", ManagedBy = "terraform" }
  }
}

provider "aws" {
  alias                    = "west"
  region                   = "us-west-2"
  shared_credentials_files = ["/nowhere/credentials"]
  profile                  = "production"
}

resource "aws_ssm_parameter" "this" {
  name  = "/orders/table"
  type  = "String"
  value = "orders"
}

data "aws_region" "west" {
  provider = aws.west
}

output "region" {
  value = data.aws_region.west.name
}
