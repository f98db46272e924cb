# A local backend of its own, which the embedded AWS's state must not touch.
terraform {
  backend "local" {
    path = "state/real.json"
  }
}

resource "terraform_data" "this" {
  input = "local"
}
