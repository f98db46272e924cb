"""Everything that touches Terraform: the only place that starts a process."""
