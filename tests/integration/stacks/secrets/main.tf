# Secrets of every kind, each with a canary of its own in it: tests/integration/test_secrets.py looks for them everywhere.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

# A default in the code.
variable "password" {
  type      = string
  sensitive = true
  default   = "canary-1-of-a-default"
}

# Several lines, in terraform.tfvars.
variable "private_key" {
  type      = string
  sensitive = true
}

# An object, in tap.toml.
variable "login" {
  type      = object({ user = string, pass = string })
  sensitive = true
}

# Letters of many alphabets, in tap.toml.
variable "greeting" {
  type      = string
  sensitive = true
}

# Whatever must be escaped somewhere, in TF_VAR_quoted.
variable "quoted" {
  type      = string
  sensitive = true
}

# Nobody has called it sensitive, in TF_VAR_api_token.
variable "api_token" {
  type = string
}

# In a file of the command line.
variable "given" {
  type      = string
  sensitive = true
}

# Kept by no plan, in tap.toml.
variable "session" {
  type      = string
  ephemeral = true
}

variable "fault" {
  type    = string
  default = "none"
}

provider "aws" {
  region     = "us-east-1"
  access_key = "test"
  secret_key = "canary-19-of-a-provider"
  token      = var.session
}

locals {
  package = "${path.module}/.tap/packages/one.zip"
}

resource "aws_ssm_parameter" "secure" {
  for_each = {
    password    = var.password
    private_key = var.private_key
    login       = jsonencode(var.login)
    greeting    = var.greeting
    quoted      = var.quoted
    given       = var.given
  }
  name  = "/secrets/${each.key}"
  type  = "SecureString"
  value = each.value
}

resource "aws_iam_role" "one" {
  name = "secrets-one"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }
    ]
  })
}

# The provider's schema calls none of these sensitive.
resource "aws_lambda_function" "one" {
  function_name    = "secrets-one"
  role             = aws_iam_role.one.arn
  runtime          = "python3.13"
  handler          = "one.handle"
  filename         = local.package
  source_code_hash = filebase64sha256(local.package)
  environment {
    variables = {
      DB_PASSWORD  = "canary-2-of-an-environment"
      API_TOKEN    = var.api_token
      SETTINGS     = jsonencode({ retries = 3, client_secret = "canary-3-in-json <&>" })
      DATABASE_URL = "postgres://admin:canary-4-in-an-address@db.internal:5432/orders"
      LOG_LEVEL    = "not-a-secret"
    }
  }
}

resource "aws_lambda_permission" "alexa" {
  action             = "lambda:InvokeFunction"
  function_name      = aws_lambda_function.one.function_name
  principal          = "alexa-appkit.amazon.com"
  event_source_token = "canary-5-forgotten"
}

resource "aws_launch_template" "server" {
  name = "secrets-server"
  user_data = base64encode(<<-EOT
    #!/bin/sh
    export BACKUP_PASSPHRASE="canary-6-of-user-data"
  EOT
  )
}

resource "terraform_data" "forgotten" {
  input = {
    connection_string = "canary-7-of-a-connection"
    plain             = "not-a-secret"
  }
}

# A name, of which AWS makes an id.
resource "aws_iam_user" "named" {
  name = "canary-20-of-a-name-${substr(var.given, 7, 2)}"
}

# Made by the apply: no plan has it.
resource "aws_iam_user" "robot" {
  name = "secrets-robot"
}

resource "aws_iam_access_key" "robot" {
  user = aws_iam_user.robot.name
}

# Refused before anything is made: the error quotes the name.
resource "aws_sqs_queue" "refused_by_the_plan" {
  count = var.fault == "plan" ? 1 : 0
  name  = "no name: ${var.password} ${var.greeting} ${var.quoted}"
}

# Refused while it is made: the error quotes a name of which no plan knew the end.
resource "aws_iam_access_key" "late" {
  count = var.fault == "apply" ? 1 : 0
  user  = aws_iam_user.robot.name
}

resource "aws_sqs_queue" "refused_by_the_apply" {
  count = var.fault == "apply" ? 1 : 0
  name  = "no name: ${var.given} ${aws_iam_access_key.late[0].secret}"
}

resource "terraform_data" "command" {
  count = var.fault == "apply" ? 1 : 0
  provisioner "local-exec" {
    command = "echo canary-8-of-a-command >&2; false # password=canary-8-of-a-command"
  }
}

output "password" {
  value     = var.password
  sensitive = true
}

output "address" {
  value     = "postgres://robot:${aws_iam_access_key.robot.secret}@db.internal"
  sensitive = true
}

output "everything" {
  value     = [var.private_key, var.login, var.greeting, var.quoted, var.given]
  sensitive = true
}

# Nothing says that it is one, but its value is known to be.
output "plain" {
  value = "${terraform_data.forgotten.output.connection_string} and ${terraform_data.forgotten.output.plain}"
}

output "api_key" {
  value = "canary-9-of-an-output"
}
