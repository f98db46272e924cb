# expect: terraform.backend FAIL

# Two runs at once write over each other, in plain text.
terraform {
  backend "s3" {
    bucket = "acme-terraform-state"
    key    = "orders/terraform.tfstate"
    region = "us-east-1"
  }
}
