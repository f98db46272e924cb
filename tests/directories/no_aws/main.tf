# No provider but Terraform's own.
terraform {
  required_version = ">= 1.6"
}

resource "terraform_data" "first" {
  input = "one"
}

resource "terraform_data" "second" {
  triggers_replace = [terraform_data.first.id]

  provisioner "local-exec" {
    command = "echo made > made.txt"
  }
}

output "first" {
  value = terraform_data.first.output
}
