resource "terraform_data" "one" {
  input = "stays"
}
