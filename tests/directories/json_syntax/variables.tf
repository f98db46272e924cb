# Both syntaxes in one module.
variable "service" {
  type    = string
  default = "json"
}
