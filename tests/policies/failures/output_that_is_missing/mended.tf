resource "aws_dynamodb_table" "orders" {
  name         = "acme-dev-orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }
}

output "table_arn" {
  value = aws_dynamodb_table.orders.arn
}
