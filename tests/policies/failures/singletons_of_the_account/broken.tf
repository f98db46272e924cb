# found by CKV_TAP_701: aws_config_configuration_recorder.main
# found by CKV_TAP_701: aws_config_delivery_channel.main
# found by CKV_TAP_701: aws_guardduty_detector.main

resource "aws_iam_role" "worker" {
  name = "acme-dev-worker"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_config_configuration_recorder" "main" {
  name     = "acme-dev"
  role_arn = aws_iam_role.worker.arn
}

resource "aws_config_delivery_channel" "main" {
  name           = "acme-dev"
  s3_bucket_name = "acme-dev-config"
}

resource "aws_guardduty_detector" "main" {
  enable = true
}
