resource "terraform_data" "main" {
  input = "four legs"
}
