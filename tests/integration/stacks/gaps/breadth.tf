# Types that nothing, or little, has to be mended for: what `tap sandbox coverage` calls exact must be in here.
resource "aws_vpc" "one" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_subnet" "one" {
  vpc_id            = aws_vpc.one.id
  cidr_block        = "10.0.1.0/24"
  availability_zone = "us-east-1a"
}

resource "aws_subnet" "two" {
  vpc_id            = aws_vpc.one.id
  cidr_block        = "10.0.2.0/24"
  availability_zone = "us-east-1b"
}

resource "aws_internet_gateway" "one" {
  vpc_id = aws_vpc.one.id
}

resource "aws_route_table" "one" {
  vpc_id = aws_vpc.one.id
}

resource "aws_route" "out" {
  route_table_id         = aws_route_table.one.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.one.id
}

resource "aws_route_table_association" "one" {
  subnet_id      = aws_subnet.one.id
  route_table_id = aws_route_table.one.id
}

resource "aws_security_group" "one" {
  name        = "gaps"
  description = "Of the gaps"
  vpc_id      = aws_vpc.one.id
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  security_group_id = aws_security_group.one.id
  cidr_ipv4         = "10.0.0.0/16"
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.one.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_security_group_rule" "http" {
  type              = "ingress"
  security_group_id = aws_security_group.one.id
  cidr_blocks       = ["10.0.0.0/16"]
  from_port         = 80
  to_port           = 80
  protocol          = "tcp"
}

resource "aws_network_acl" "one" {
  vpc_id = aws_vpc.one.id
}

resource "aws_network_acl_rule" "in" {
  network_acl_id = aws_network_acl.one.id
  rule_number    = 100
  protocol       = "tcp"
  rule_action    = "allow"
  cidr_block     = "10.0.0.0/16"
  from_port      = 443
  to_port        = 443
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id          = aws_vpc.one.id
  service_name    = "com.amazonaws.us-east-1.s3"
  route_table_ids = [aws_route_table.one.id]
}

resource "aws_eip" "one" {
  domain = "vpc"
}

resource "aws_flow_log" "one" {
  vpc_id          = aws_vpc.one.id
  traffic_type    = "ALL"
  iam_role_arn    = aws_iam_role.services.arn
  log_destination = aws_cloudwatch_log_group.queried.arn
}

resource "aws_lb" "one" {
  name               = "gaps"
  internal           = true
  load_balancer_type = "application"
  subnets            = [aws_subnet.one.id, aws_subnet.two.id]
  security_groups    = [aws_security_group.one.id]
}

resource "aws_lb_target_group" "one" {
  name     = "gaps"
  port     = 80
  protocol = "HTTP"
  vpc_id   = aws_vpc.one.id
}

resource "aws_lb_listener" "one" {
  load_balancer_arn = aws_lb.one.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.one.arn
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.source.arn}/*"]
  }
}

resource "aws_iam_policy" "read" {
  name   = "gaps-read"
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_role_policy" "read" {
  name   = "read"
  role   = aws_iam_role.services.id
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_role_policy_attachment" "read" {
  role       = aws_iam_role.services.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_instance_profile" "one" {
  name = "gaps"
  role = aws_iam_role.services.name
}

resource "aws_iam_user" "one" {
  name = "gaps"
}

resource "aws_iam_group" "one" {
  name = "gaps"
}

resource "aws_iam_group_membership" "one" {
  name  = "gaps"
  group = aws_iam_group.one.name
  users = [aws_iam_user.one.name]
}

resource "aws_iam_openid_connect_provider" "one" {
  url             = "https://tokens.example.com"
  client_id_list  = ["sts.amazonaws.com"]
  thumbprint_list = ["6938fd4d98bab03faadb97b34396831e3780aea1"]
}

resource "aws_kms_key" "one" {
  description             = "gaps"
  deletion_window_in_days = 7
  enable_key_rotation     = true
}

resource "aws_kms_alias" "one" {
  name          = "alias/gaps"
  target_key_id = aws_kms_key.one.key_id
}

resource "aws_sns_topic" "one" {
  name = "gaps"
}

resource "aws_sns_topic_subscription" "one" {
  topic_arn = aws_sns_topic.one.arn
  protocol  = "sqs"
  endpoint  = aws_sqs_queue.apart.arn
}

resource "aws_s3_bucket_server_side_encryption_configuration" "source" {
  bucket = aws_s3_bucket.source.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.one.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "source" {
  bucket                  = aws_s3_bucket.source.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "source" {
  bucket = aws_s3_bucket.source.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "copy" {
  bucket = aws_s3_bucket.copy.id

  rule {
    id     = "archive"
    status = "Enabled"

    filter {
      prefix = "documents/"
    }

    transition {
      days          = 90
      storage_class = "GLACIER"
    }
  }
}

resource "aws_s3_bucket_cors_configuration" "copy" {
  bucket = aws_s3_bucket.copy.id

  cors_rule {
    allowed_methods = ["GET"]
    allowed_origins = ["https://example.com"]
  }
}

resource "aws_s3_bucket_website_configuration" "copy" {
  bucket = aws_s3_bucket.copy.id

  index_document {
    suffix = "index.html"
  }
}

resource "aws_s3_bucket_notification" "copy" {
  bucket = aws_s3_bucket.copy.id

  queue {
    queue_arn = aws_sqs_queue.source.arn
    events    = ["s3:ObjectCreated:*"]
  }
}

resource "aws_cloudwatch_log_stream" "one" {
  name           = "gaps"
  log_group_name = aws_cloudwatch_log_group.queried.name
}

resource "aws_cloudwatch_log_metric_filter" "one" {
  name           = "gaps"
  log_group_name = aws_cloudwatch_log_group.queried.name
  pattern        = "ERROR"

  metric_transformation {
    name      = "errors"
    namespace = "Gaps"
    value     = "1"
  }
}

resource "aws_cloudwatch_log_resource_policy" "one" {
  policy_name = "gaps"
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "route53.amazonaws.com" }
      Action    = ["logs:PutLogEvents"]
      Resource  = "${aws_cloudwatch_log_group.queried.arn}:*"
    }]
  })
}

resource "aws_cloudwatch_log_subscription_filter" "one" {
  name            = "gaps"
  log_group_name  = aws_cloudwatch_log_group.queried.name
  filter_pattern  = ""
  destination_arn = aws_kinesis_stream.tagged.arn
  role_arn        = aws_iam_role.services.arn
}

resource "aws_cloudwatch_dashboard" "one" {
  dashboard_name = "gaps"
  dashboard_body = jsonencode({ widgets = [{ type = "text", width = 3, height = 3, properties = { markdown = "Gaps" } }] })
}

resource "aws_cloudwatch_event_bus" "one" {
  name = "gaps"
}

resource "aws_cloudwatch_event_rule" "one" {
  name           = "gaps"
  event_bus_name = aws_cloudwatch_event_bus.one.name
  event_pattern  = jsonencode({ source = ["gaps"] })
}

resource "aws_cloudwatch_event_target" "one" {
  rule           = aws_cloudwatch_event_rule.one.name
  event_bus_name = aws_cloudwatch_event_bus.one.name
  arn            = aws_sqs_queue.source.arn
}

resource "aws_scheduler_schedule_group" "one" {
  name = "gaps"
}

resource "aws_scheduler_schedule" "one" {
  name                = "gaps"
  group_name          = aws_scheduler_schedule_group.one.name
  schedule_expression = "rate(1 hours)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sqs_queue.source.arn
    role_arn = aws_iam_role.services.arn
  }
}

resource "aws_secretsmanager_secret" "one" {
  name                    = "gaps"
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "one" {
  secret_id     = aws_secretsmanager_secret.one.id
  secret_string = "not a secret"
}

resource "aws_ssm_parameter" "one" {
  name  = "/gaps/one"
  type  = "String"
  value = "one"
}

resource "aws_ecr_repository" "one" {
  name         = "gaps"
  force_delete = true
}

resource "aws_ecr_lifecycle_policy" "one" {
  repository = aws_ecr_repository.one.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep ten"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 10 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_route53_zone" "one" {
  name = "gaps.example.com"
}

resource "aws_route53_record" "one" {
  zone_id = aws_route53_zone.one.zone_id
  name    = "one.gaps.example.com"
  type    = "A"
  ttl     = 300
  records = ["192.0.2.1"]
}

resource "aws_route53_health_check" "one" {
  fqdn              = "one.gaps.example.com"
  port              = 443
  type              = "HTTPS"
  resource_path     = "/health"
  failure_threshold = 3
  request_interval  = 30
}

resource "aws_cognito_user_pool" "one" {
  name = "gaps"
}

resource "aws_cognito_user_pool_client" "one" {
  name         = "gaps"
  user_pool_id = aws_cognito_user_pool.one.id
}

resource "aws_glue_catalog_database" "one" {
  name = "gaps"
}

resource "aws_glue_catalog_table" "one" {
  name          = "gaps"
  database_name = aws_glue_catalog_database.one.name
}

resource "aws_wafv2_ip_set" "one" {
  name               = "gaps"
  scope              = "REGIONAL"
  ip_address_version = "IPV4"
  addresses          = ["192.0.2.0/24"]
}

resource "aws_wafv2_web_acl" "one" {
  name  = "gaps"
  scope = "REGIONAL"

  default_action {
    allow {}
  }

  visibility_config {
    cloudwatch_metrics_enabled = false
    metric_name                = "gaps"
    sampled_requests_enabled   = false
  }
}

resource "aws_kinesis_firehose_delivery_stream" "one" {
  name        = "gaps"
  destination = "extended_s3"

  extended_s3_configuration {
    role_arn   = aws_iam_role.services.arn
    bucket_arn = aws_s3_bucket.copy.arn
  }
}

resource "aws_sfn_activity" "one" {
  name = "gaps"
}

resource "aws_acm_certificate" "one" {
  domain_name       = "gaps.example.com"
  validation_method = "DNS"
}

resource "aws_cloudtrail" "one" {
  name           = "gaps"
  s3_bucket_name = aws_s3_bucket.copy.id
}

resource "aws_codebuild_project" "one" {
  name         = "gaps"
  service_role = aws_iam_role.services.arn

  artifacts {
    type = "NO_ARTIFACTS"
  }

  environment {
    compute_type = "BUILD_GENERAL1_SMALL"
    image        = "aws/codebuild/amazonlinux2-x86_64-standard:5.0"
    type         = "LINUX_CONTAINER"
  }

  source {
    type     = "GITHUB"
    location = "https://example.com/gaps.git"
  }
}

resource "aws_efs_file_system" "one" {
  creation_token = "gaps"
  encrypted      = true
}

resource "aws_ebs_volume" "one" {
  availability_zone = "us-east-1a"
  size              = 1
  encrypted         = true
}
