# Three resources, one after the other; the one in the middle takes as long as it is told to, in a child of Terraform's.
variable "seconds" {
  type    = number
  default = 0
}

resource "terraform_data" "first" {
  input = "first"
}

resource "terraform_data" "middle" {
  input = terraform_data.first.output

  provisioner "local-exec" {
    command = "sleep ${var.seconds}"
  }
}

resource "terraform_data" "last" {
  input = terraform_data.middle.output
}
