days = 5
name = "from-a"
