terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "name" {
  type = string
}

variable "encryption" {
  type = object({ key = string, enabled = bool })
}

resource "aws_dynamodb_table" "this" {
  name         = var.name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  server_side_encryption {
    enabled     = var.encryption.enabled
    kms_key_arn = var.encryption.key
  }
}

output "table" {
  value = aws_dynamodb_table.this
}
