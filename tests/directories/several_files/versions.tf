# Several files of one module, beside what Terraform does not read: hidden files, folders, an editor's backup.
terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
