variable "service" {
  description = "What the names begin with."
  type        = string
  default     = "orders"
}

variable "retention_days" {
  type    = number
  default = 14
}
