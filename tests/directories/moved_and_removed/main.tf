# Blocks that change the state and nothing else: a new name, new keys, one that is forgotten and not destroyed.
moved {
  from = terraform_data.old_name
  to   = terraform_data.new_name
}

moved {
  from = terraform_data.counted[0]
  to   = terraform_data.counted["zero"]
}

moved {
  from = terraform_data.counted[1]
  to   = module.inner.terraform_data.one
}

removed {
  from = terraform_data.given_up

  lifecycle {
    destroy = false
  }
}

resource "terraform_data" "new_name" {
  input = "stays"
}

resource "terraform_data" "counted" {
  for_each = toset(["zero"])

  input = "stays"
}

module "inner" {
  source = "./inner"
}
