# expect: aws_s3_bucket.expires_instead FAIL
# expect: aws_s3_bucket.too_soon FAIL
# expect: aws_s3_bucket.at_a_date FAIL
# expect: aws_s3_bucket.never_archived FAIL
# expect: aws_s3_bucket.switched_off FAIL
# expect: aws_s3_bucket.expires_before FAIL
# expect: aws_s3_bucket.loses_old_versions FAIL

# An expiration where a transition was meant.
resource "aws_s3_bucket" "expires_instead" {
  bucket = "expires-instead-audit"
}

resource "aws_s3_bucket_lifecycle_configuration" "expires_instead" {
  bucket = aws_s3_bucket.expires_instead.id

  rule {
    id     = "archive"
    status = "Enabled"

    filter {}

    expiration {
      days = 90
    }
  }
}

resource "aws_s3_bucket" "too_soon" {
  bucket = "too-soon-audit"
}

resource "aws_s3_bucket_lifecycle_configuration" "too_soon" {
  bucket = aws_s3_bucket.too_soon.id

  rule {
    id     = "archive"
    status = "Enabled"

    filter {}

    transition {
      days          = 30
      storage_class = "GLACIER"
    }
  }
}

# At that date, objects of the day before are archived as well.
resource "aws_s3_bucket" "at_a_date" {
  bucket = "at-a-date-audit"
}

resource "aws_s3_bucket_lifecycle_configuration" "at_a_date" {
  bucket = aws_s3_bucket.at_a_date.id

  rule {
    id     = "archive"
    status = "Enabled"

    filter {}

    transition {
      date          = "2031-01-01T00:00:00Z"
      storage_class = "GLACIER"
    }
  }
}

resource "aws_s3_bucket" "never_archived" {
  bucket = "never-archived-audit"
}

resource "aws_s3_bucket_lifecycle_configuration" "never_archived" {
  bucket = aws_s3_bucket.never_archived.id

  rule {
    id     = "archive"
    status = "Enabled"

    filter {}

    transition {
      days          = 90
      storage_class = "STANDARD_IA"
    }
  }
}

resource "aws_s3_bucket" "switched_off" {
  bucket = "switched-off-audit"
}

resource "aws_s3_bucket_lifecycle_configuration" "switched_off" {
  bucket = aws_s3_bucket.switched_off.id

  rule {
    id     = "archive"
    status = "Disabled"

    filter {}

    transition {
      days          = 90
      storage_class = "GLACIER"
    }
  }
}

# Objects below tmp/ are gone before anything is archived.
resource "aws_s3_bucket" "expires_before" {
  bucket = "expires-before-audit"
}

resource "aws_s3_bucket_lifecycle_configuration" "expires_before" {
  bucket = aws_s3_bucket.expires_before.id

  rule {
    id     = "archive"
    status = "Enabled"

    filter {}

    transition {
      days          = 90
      storage_class = "GLACIER"
    }
  }

  rule {
    id     = "tmp"
    status = "Enabled"

    filter {
      prefix = "tmp/"
    }

    expiration {
      days = 7
    }
  }
}

resource "aws_s3_bucket" "loses_old_versions" {
  bucket = "loses-old-versions-audit"
}

resource "aws_s3_bucket_lifecycle_configuration" "loses_old_versions" {
  bucket = aws_s3_bucket.loses_old_versions.id

  rule {
    id     = "archive"
    status = "Enabled"

    filter {}

    transition {
      days          = 90
      storage_class = "GLACIER"
    }

    noncurrent_version_expiration {
      noncurrent_days = 30
    }
  }
}
