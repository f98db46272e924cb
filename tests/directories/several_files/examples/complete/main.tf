# Nobody calls this module; were it read, its log group without retention would be a finding.
resource "aws_cloudwatch_log_group" "example" {
  name = "/example"
}
