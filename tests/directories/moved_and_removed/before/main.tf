# What an earlier version of the same stack made: it is renamed, and one thing given up, by the version above.
resource "terraform_data" "old_name" {
  input = "stays"
}

resource "terraform_data" "counted" {
  count = 2

  input = "stays"
}

resource "terraform_data" "given_up" {
  input = "nobody's any more"
}
