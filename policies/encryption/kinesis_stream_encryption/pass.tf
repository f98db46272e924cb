# expect: aws_kinesis_stream.own_key PASS
# expect: aws_kinesis_stream.aws_managed PASS

resource "aws_kms_key" "stream" {
  description = "Stream"
}

# Which key it will be is settled, although its ARN is known only after apply.
resource "aws_kinesis_stream" "own_key" {
  name            = "orders"
  shard_count     = 1
  encryption_type = "KMS"
  kms_key_id      = aws_kms_key.stream.arn
}

resource "aws_kinesis_stream" "aws_managed" {
  name            = "payments"
  shard_count     = 1
  encryption_type = "KMS"
  kms_key_id      = "alias/aws/kinesis"
}
