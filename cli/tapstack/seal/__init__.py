"""What binds a plan to the judgement passed on it."""
