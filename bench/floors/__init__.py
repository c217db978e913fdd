"""What the pages are measured against: the least that Django, one query and a serializer can cost."""
