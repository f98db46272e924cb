resource "terraform_data" "this" {
  input = { first = true, days = 7 }
}
