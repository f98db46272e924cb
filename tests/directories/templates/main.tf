# Heredocs, template files and directives; quotes and braces where a simple reader would lose its way.
locals {
  größe   = 5 # inches, or 5" as one says
  names   = ["one", "two"]
  greeted = "%{for name in local.names~}${name == "one" ? "first" : "then {${name}}"} %{endfor~}"
  quoted  = "${join(",", [for name in local.names : "\"${name}\""])}${lookup({ a = "}" }, "a", "b")}"

  text = trimspace(<<-EOT
    A disk of ${local.größe}" for ${upper("${local.names[0]}-${lower("X${local.names[1]}")}")}.
    %{if length(local.names) > 1~}
    There are "several".
    %{endif~}
    Not code: $${local.names} %%{if} # // /* 
  EOT
  )
}

resource "terraform_data" "text" {
  input = local.text
}

resource "terraform_data" "file" {
  input = templatefile("${path.module}/file.tftpl", {
    names = local.names
    note  = <<-EOT
      one "line
    EOT
  })
}

resource "terraform_data" "policy" {
  input = jsondecode(<<POLICY
{
  "Statement": [{
    "Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": { "Service": "${join(".", ["lambda", "amazonaws.com"])}" }
  }]
}
POLICY
  )
}

output "text" {
  value = "${local.greeted}${local.quoted}"
}

output "principal" {
  value = terraform_data.policy.output.Statement[0].Principal.Service
}
