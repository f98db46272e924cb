# HCP Terraform keeps the state, of an organization that the embedded AWS knows nothing of.
terraform {
  cloud {
    organization = "nobody"

    workspaces {
      name = "orders"
    }
  }
}

resource "terraform_data" "this" {
  input = "cloud"
}
