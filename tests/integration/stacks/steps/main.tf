# Three resources, one after the other; the one in the middle takes as long as STEPS_SECONDS says, in a child of
# Terraform's.
variable "word" {
  type    = string
  default = "first"
}

resource "terraform_data" "first" {
  input = var.word
}

resource "terraform_data" "middle" {
  input = terraform_data.first.output

  provisioner "local-exec" {
    command = "sleep $${STEPS_SECONDS:-0}"
  }

  provisioner "local-exec" {
    when    = destroy
    command = "sleep $${STEPS_SECONDS:-0}"
  }
}

resource "terraform_data" "last" {
  input = terraform_data.middle.output
}
