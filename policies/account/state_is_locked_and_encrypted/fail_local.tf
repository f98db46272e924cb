# expect: terraform.backend FAIL

terraform {
  backend "local" {
    path = "terraform.tfstate"
  }
}
