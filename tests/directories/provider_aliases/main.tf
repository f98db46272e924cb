# Two regions whose default tags differ, both passed to a module that has no provider of its own.
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

variable "managed_by" {
  type    = string
  default = null
}

# Without ManagedBy, unless it is given: what is made here breaks required_tags.
provider "aws" {
  alias  = "standby"
  region = "eu-west-1"

  default_tags {
    tags = merge({ Environment = "dev", Project = "tap" }, var.managed_by == null ? {} : { ManagedBy = var.managed_by })
  }
}

module "pair" {
  source = "./pair"

  providers = {
    aws.here  = aws
    aws.there = aws.standby
  }
}

resource "aws_ssm_parameter" "own" {
  provider = aws.standby

  name  = "/pair/own"
  type  = "String"
  value = module.pair.regions

  tags = { ManagedBy = "terraform" }
}

output "regions" {
  value = module.pair.regions
}
