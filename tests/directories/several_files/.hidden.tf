this is not Terraform {
