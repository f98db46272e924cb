# expect: aws_config_config_rule.encrypted PASS
# expect: aws_guardduty_filter.noise PASS

# Rules and filters are many to an account; they use the recorder and the detector that are there.
resource "aws_config_config_rule" "encrypted" {
  name = "orders-volumes-encrypted"

  source {
    owner             = "AWS"
    source_identifier = "ENCRYPTED_VOLUMES"
  }
}

resource "aws_guardduty_filter" "noise" {
  name        = "orders-noise"
  action      = "ARCHIVE"
  detector_id = "12abc34d567e8fa901bc2d34e56789f0"
  rank        = 1

  finding_criteria {
    criterion {
      field  = "region"
      equals = ["us-east-1"]
    }
  }
}
