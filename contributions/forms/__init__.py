"""What a person typed, turned into the arguments of an action. Forms read; the rules are the actions'."""
