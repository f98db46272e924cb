# A stack that asks which workspace it is in.
resource "terraform_data" "this" {
  input = "in ${terraform.workspace}"
}

output "workspace" {
  value = terraform_data.this.output
}
