# expect: aws_lambda_event_source_mapping.one_action_missing FAIL
# expect: aws_lambda_event_source_mapping.key_missing FAIL
# expect: aws_lambda_event_source_mapping.another_stream FAIL

resource "aws_sqs_queue" "orders" {
  name = "orders"
}

resource "aws_iam_role" "importer" {
  name = "importer"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_lambda_function" "importer" {
  function_name = "importer"
  role          = aws_iam_role.importer.arn
  runtime       = "python3.13"
  handler       = "handler.handle"
  s3_bucket     = "acme-dev-packages"
  s3_key        = "importer.zip"
}

# Without sqs:DeleteMessage.
resource "aws_iam_role_policy" "importer" {
  name = "reads-orders"
  role = aws_iam_role.importer.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["sqs:ReceiveMessage", "sqs:GetQueueAttributes"]
      Resource = aws_sqs_queue.orders.arn
    }]
  })
}

resource "aws_lambda_event_source_mapping" "one_action_missing" {
  event_source_arn = aws_sqs_queue.orders.arn
  function_name    = aws_lambda_function.importer.arn
}

resource "aws_kms_key" "messages" {
  description         = "Messages"
  enable_key_rotation = true
}

resource "aws_sqs_queue" "encrypted" {
  name              = "encrypted"
  kms_master_key_id = aws_kms_key.messages.arn
}

resource "aws_iam_role" "decrypter" {
  name = "decrypter"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_lambda_function" "decrypter" {
  function_name = "decrypter"
  role          = aws_iam_role.decrypter.arn
  runtime       = "python3.13"
  handler       = "handler.handle"
  s3_bucket     = "acme-dev-packages"
  s3_key        = "decrypter.zip"
}

# It knows nothing of keys.
resource "aws_iam_role_policy_attachment" "decrypter" {
  role       = aws_iam_role.decrypter.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"
}

resource "aws_lambda_event_source_mapping" "key_missing" {
  event_source_arn = aws_sqs_queue.encrypted.arn
  function_name    = aws_lambda_function.decrypter.arn
}

resource "aws_kinesis_stream" "visits" {
  name        = "visits"
  shard_count = 1
}

resource "aws_kinesis_stream" "logins" {
  name        = "logins"
  shard_count = 1
}

resource "aws_iam_role" "watcher" {
  name = "watcher"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_lambda_function" "watcher" {
  function_name = "watcher"
  role          = aws_iam_role.watcher.arn
  runtime       = "python3.13"
  handler       = "handler.handle"
  s3_bucket     = "acme-dev-packages"
  s3_key        = "watcher.zip"
}

# It may read the other stream.
resource "aws_iam_role_policy" "watcher" {
  name = "reads-logins"
  role = aws_iam_role.watcher.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
      Resource = aws_kinesis_stream.logins.arn
    }]
  })
}

resource "aws_lambda_event_source_mapping" "another_stream" {
  event_source_arn  = aws_kinesis_stream.visits.arn
  function_name     = aws_lambda_function.watcher.arn
  starting_position = "LATEST"
}
