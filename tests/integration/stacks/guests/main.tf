# Needs no provider and no AWS: what is tested with it is what a plan may do, and to whom it belongs.
terraform {
  required_version = ">= 1.10"

  backend "s3" {
    bucket       = "tap-states"
    key          = "guests.tfstate"
    region       = "us-east-1"
    use_lockfile = true
    encrypt      = true
  }
}

variable "guests" {
  type    = list(string)
  default = ["ann", "ben", "cat", "dan", "eve", "fay", "gus", "hal"]
}

variable "greeting" {
  type    = string
  default = "hello"
}

variable "edition" {
  type    = number
  default = 1
}

# Longer than 0 where two applies shall meet.
variable "seconds" {
  type    = number
  default = 0
}

resource "terraform_data" "guest" {
  for_each = toset(var.guests)
  input    = var.greeting
}

resource "terraform_data" "menu" {
  input            = var.greeting
  triggers_replace = var.edition

  provisioner "local-exec" {
    command = "sleep ${var.seconds}"
  }
}

output "greeting" {
  value = terraform_data.menu.output
}
