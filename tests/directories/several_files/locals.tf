locals {
  prefix = "/${var.service}/dev"
}
