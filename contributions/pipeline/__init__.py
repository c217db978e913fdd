"""The worker's story: fetch, receive, fit, build, publish. Each claims a row by its key and records one result."""
