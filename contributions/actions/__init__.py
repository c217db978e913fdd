"""People's verbs. Page, REST and git call the same action, which checks the right to act."""
