# found by CKV_TAP_108: aws_sns_topic.alarms

resource "aws_sns_topic" "alarms" {
  name = "acme-dev-alarms"
}
