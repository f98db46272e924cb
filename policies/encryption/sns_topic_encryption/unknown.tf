# expect: aws_sns_topic.from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system: it may be null, or alias/aws/sns.
resource "terraform_data" "key" {
  input = "alias/acme-alerts"
}

resource "aws_sns_topic" "from_elsewhere" {
  name              = "alerts"
  kms_master_key_id = terraform_data.key.output
}
