# expect: terraform.backend PASS

# A lock table serves as well, if it is older than Terraform's lock files.
terraform {
  backend "s3" {
    bucket         = "acme-terraform-state"
    key            = "orders/terraform.tfstate"
    region         = "us-east-1"
    encrypt        = true
    dynamodb_table = "terraform-locks"
  }
}
