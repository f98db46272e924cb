# expect: aws_sns_topic.own_key PASS
# expect: aws_sns_topic.own_alias PASS

resource "aws_kms_key" "alerts" {
  description = "Alerts"
}

resource "aws_kms_alias" "alerts" {
  name          = "alias/acme-alerts"
  target_key_id = aws_kms_key.alerts.key_id
}

# Which key it will be is settled, although its id is known only after apply.
resource "aws_sns_topic" "own_key" {
  name              = "alerts"
  kms_master_key_id = aws_kms_key.alerts.key_id
}

resource "aws_sns_topic" "own_alias" {
  name              = "orders"
  kms_master_key_id = aws_kms_alias.alerts.name
}
