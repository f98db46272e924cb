module "table" {
  source = "./table"
}
