# Override files: what the last of them says holds, argument by argument and block by block.
resource "terraform_data" "this" {
  input = { main = true, days = 30 }
}

output "days" {
  value = terraform_data.this.output
}
