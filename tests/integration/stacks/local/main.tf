# Needs no provider: what is tested here is tap and Terraform, not AWS.
variable "greeting" {
  type    = string
  default = "hello"

  validation {
    condition     = length(var.greeting) > 2
    error_message = "greeting must be longer than two characters."
  }
}

variable "guests" {
  type    = list(string)
  default = []
}

variable "password" {
  type      = string
  default   = "hunter2hunter2"
  sensitive = true
}

resource "terraform_data" "greeting" {
  input = var.greeting
}

resource "terraform_data" "guest" {
  for_each = toset(var.guests)
  input    = each.key
}

output "greeting" {
  value = terraform_data.greeting.output
}

output "password" {
  value     = var.password
  sensitive = true
}
