"""Duplicates and overlaps, drafts that wait for them, and browsing by file."""
