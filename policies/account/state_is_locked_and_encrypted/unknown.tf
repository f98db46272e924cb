# expect: terraform.backend UNKNOWN

# The rest comes with `terraform init -backend-config=FILE`.
terraform {
  backend "s3" {
    key = "orders/terraform.tfstate"
  }
}
