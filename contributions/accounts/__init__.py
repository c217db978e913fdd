"""Who is at the door: what allauth asks us about accounts, how fresh a log-in is, and what is noted of its changes."""
