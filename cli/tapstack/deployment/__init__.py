"""What `tap plan`, `apply` and `destroy` do, step by step, without a word to the terminal."""
