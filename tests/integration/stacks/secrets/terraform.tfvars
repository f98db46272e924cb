private_key = <<-EOT
  -----BEGIN OPENSSH PRIVATE KEY-----
  canary-14-of-the-first-line-of-a-key
  canary-15-of-the-second-line-of-a-key
  -----END OPENSSH PRIVATE KEY-----
EOT
