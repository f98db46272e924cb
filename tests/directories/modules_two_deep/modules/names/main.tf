variable "parts" {
  type = list(string)
}

output "path" {
  value = "/${join("/", var.parts)}"
}
