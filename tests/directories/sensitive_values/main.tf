# Secrets in variables, outputs, and in what is made of them.
variable "password" {
  type      = string
  sensitive = true
  default   = "canary-of-the-password"
}

resource "terraform_data" "connection" {
  input = { user = "admin", password = var.password }
}

output "connection" {
  value     = "postgres://admin:${terraform_data.connection.output.password}@db"
  sensitive = true
}

output "length" {
  value = nonsensitive(length(var.password))
}
