# expect: aws_sns_topic.no_key FAIL
# expect: aws_sns_topic.aws_managed FAIL

resource "aws_sns_topic" "no_key" {
  name = "alerts"
}

# Alarms can't publish through this key: its policy belongs to AWS. Enough where `mode` is "aws-managed".
resource "aws_sns_topic" "aws_managed" {
  name              = "orders"
  kms_master_key_id = "alias/aws/sns"
}
