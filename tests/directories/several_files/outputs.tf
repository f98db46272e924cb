output "endpoint" {
  description = "Where the endpoint's parameter is."
  value       = aws_ssm_parameter.endpoint.name
}
