# What a configuration asks of itself: checks, one with a data source of its own, conditions before and after, and
# validations that look at other variables.
terraform {
  required_version = ">= 1.9"
}

variable "low" {
  type    = number
  default = 3
}

variable "high" {
  type    = number
  default = 7

  validation {
    condition     = var.high > var.low
    error_message = "high must be above low (${var.low})."
  }
}

resource "terraform_data" "range" {
  input = { low = var.low, high = var.high }

  lifecycle {
    precondition {
      condition     = var.low >= 0
      error_message = "A range begins at 0."
    }

    postcondition {
      condition     = self.output.high == var.high
      error_message = "The range is another one."
    }
  }
}

check "neighbour_is_below" {
  data "terraform_remote_state" "neighbour" {
    backend = "local"
    config  = { path = "${path.module}/neighbour.json" }
  }

  assert {
    condition     = data.terraform_remote_state.neighbour.outputs.high < var.low
    error_message = "The neighbour's ${data.terraform_remote_state.neighbour.outputs.high} is not below ${var.low}."
  }
}

# Fails, which is a warning of Terraform's and stops nothing.
check "range_is_wide" {
  assert {
    condition     = var.high - var.low > 10
    error_message = "A range of ${var.high - var.low} is narrow."
  }
}

output "high" {
  value = terraform_data.range.output.high

  precondition {
    condition     = var.high < 100
    error_message = "high is out of range."
  }
}
