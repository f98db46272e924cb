# Overrules the environment.
days = 30
name = "from-tfvars"
