# expect: aws_iam_role.from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "partner" {
  input = "arn:aws:iam::111122223333:root"
}

resource "aws_iam_role" "from_elsewhere" {
  name = "from-elsewhere"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = terraform_data.partner.output } }]
  })
}
