# expect: aws_kinesis_stream.unset FAIL
# expect: aws_kinesis_stream.key_without_type FAIL
# expect: aws_kinesis_stream.type_without_key FAIL

resource "aws_kms_key" "unused" {
  description = "Stream"
}

resource "aws_kinesis_stream" "unset" {
  name        = "orders"
  shard_count = 1
}

# The key alone does nothing: the type is NONE unless it is set.
resource "aws_kinesis_stream" "key_without_type" {
  name        = "payments"
  shard_count = 1
  kms_key_id  = aws_kms_key.unused.arn
}

resource "aws_kinesis_stream" "type_without_key" {
  name            = "refunds"
  shard_count     = 1
  encryption_type = "KMS"
}
