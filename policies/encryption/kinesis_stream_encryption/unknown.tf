# expect: aws_kinesis_stream.type_from_elsewhere UNKNOWN
# expect: aws_kinesis_stream.key_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "encryption" {
  input = { type = "KMS", key = "alias/acme-stream" }
}

resource "aws_kinesis_stream" "type_from_elsewhere" {
  name            = "orders"
  shard_count     = 1
  encryption_type = terraform_data.encryption.output.type
  kms_key_id      = "alias/acme-stream"
}

resource "aws_kinesis_stream" "key_from_elsewhere" {
  name            = "payments"
  shard_count     = 1
  encryption_type = "KMS"
  kms_key_id      = terraform_data.encryption.output.key
}
