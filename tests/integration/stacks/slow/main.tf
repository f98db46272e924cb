# The second resource takes as long as it is told to, in a child of Terraform's.
variable "seconds" {
  type    = number
  default = 20
}

resource "terraform_data" "quick" {
  input = "done"
}

resource "terraform_data" "slow" {
  input = terraform_data.quick.id

  provisioner "local-exec" {
    command = "sleep ${var.seconds}"
  }
}
