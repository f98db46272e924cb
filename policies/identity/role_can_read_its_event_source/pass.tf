# expect: aws_lambda_event_source_mapping.stream PASS
# expect: aws_lambda_event_source_mapping.kinesis PASS
# expect: aws_lambda_event_source_mapping.queue PASS
# expect: aws_lambda_event_source_mapping.broker NOT_APPLICABLE

resource "aws_kms_key" "main" {
  description         = "Orders"
  enable_key_rotation = true
}

resource "aws_dynamodb_table" "orders" {
  name             = "orders"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "id"
  stream_enabled   = true
  stream_view_type = "NEW_IMAGE"

  attribute {
    name = "id"
    type = "S"
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.main.arn
  }
}

resource "aws_iam_role" "auditor" {
  name = "auditor"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_lambda_function" "auditor" {
  function_name = "auditor"
  role          = aws_iam_role.auditor.arn
  runtime       = "python3.13"
  handler       = "handler.handle"
  s3_bucket     = "acme-dev-packages"
  s3_key        = "auditor.zip"
}

data "aws_iam_policy_document" "reads_orders" {
  statement {
    actions   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    resources = [aws_dynamodb_table.orders.stream_arn]
  }

  # AWS allows it on every stream or on none.
  statement {
    actions   = ["dynamodb:ListStreams"]
    resources = ["*"]
  }

  statement {
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.main.arn]
  }
}

resource "aws_iam_role_policy" "reads_orders" {
  name   = "reads-orders"
  role   = aws_iam_role.auditor.id
  policy = data.aws_iam_policy_document.reads_orders.json
}

resource "aws_lambda_event_source_mapping" "stream" {
  event_source_arn  = aws_dynamodb_table.orders.stream_arn
  function_name     = aws_lambda_function.auditor.arn
  starting_position = "LATEST"
}

resource "aws_kinesis_stream" "clicks" {
  name            = "clicks"
  shard_count     = 1
  encryption_type = "KMS"
  kms_key_id      = "alias/aws/kinesis"
}

resource "aws_iam_role" "counter" {
  name = "counter"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_lambda_function" "counter" {
  function_name = "counter"
  role          = aws_iam_role.counter.arn
  runtime       = "python3.13"
  handler       = "handler.handle"
  s3_bucket     = "acme-dev-packages"
  s3_key        = "counter.zip"
}

# AWS's own policy for it; the key is AWS's own as well.
resource "aws_iam_role_policy_attachment" "reads_kinesis" {
  role       = aws_iam_role.counter.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaKinesisExecutionRole"
}

resource "aws_lambda_event_source_mapping" "kinesis" {
  event_source_arn  = aws_kinesis_stream.clicks.arn
  function_name     = aws_lambda_function.counter.function_name
  starting_position = "LATEST"
}

resource "aws_kms_alias" "main" {
  name          = "alias/orders"
  target_key_id = aws_kms_key.main.key_id
}

resource "aws_sqs_queue" "refunds" {
  name              = "refunds"
  kms_master_key_id = aws_kms_alias.main.name
}

resource "aws_iam_role" "refunder" {
  name = "refunder"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_lambda_function" "refunder" {
  function_name = "refunder"
  role          = aws_iam_role.refunder.arn
  runtime       = "python3.13"
  handler       = "handler.handle"
  s3_bucket     = "acme-dev-packages"
  s3_key        = "refunder.zip"
}

resource "aws_iam_policy" "reads_refunds" {
  name = "reads-refunds"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        Resource = aws_sqs_queue.refunds.arn
      },
      { Effect = "Allow", Action = "kms:Decrypt", Resource = aws_kms_key.main.arn },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "reads_refunds" {
  role       = aws_iam_role.refunder.name
  policy_arn = aws_iam_policy.reads_refunds.arn
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.refunder.function_name
  function_version = "1"
}

resource "aws_lambda_event_source_mapping" "queue" {
  event_source_arn = aws_sqs_queue.refunds.arn
  function_name    = aws_lambda_alias.live.arn
}

resource "aws_lambda_event_source_mapping" "broker" {
  event_source_arn = "arn:aws:mq:us-east-1:111122223333:broker:orders:b-1234"
  function_name    = aws_lambda_function.auditor.arn
  queues           = ["orders"]
}
