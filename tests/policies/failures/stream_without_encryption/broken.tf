# found by CKV_TAP_110: aws_kinesis_stream.events

resource "aws_kinesis_stream" "events" {
  name        = "acme-dev-events"
  shard_count = 1
}
