terraform {
  required_providers {
    aws = {
      source                = "hashicorp/aws"
      configuration_aliases = [aws.here, aws.there]
    }
  }
}

data "aws_region" "here" {
  provider = aws.here
}

data "aws_region" "there" {
  provider = aws.there
}

resource "aws_ssm_parameter" "here" {
  provider = aws.here

  name  = "/pair/here"
  type  = "String"
  value = data.aws_region.here.name
}

resource "aws_ssm_parameter" "there" {
  provider = aws.there

  name  = "/pair/there"
  type  = "String"
  value = data.aws_region.there.name
}

output "regions" {
  value = "${data.aws_region.here.name} and ${data.aws_region.there.name}"
}
