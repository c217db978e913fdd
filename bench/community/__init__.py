"""A community as large as the figures ask for: a loader that makes it in minutes, by the database's own hands."""
