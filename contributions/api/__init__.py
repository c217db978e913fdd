"""The face that machines see: REST under /api/v1/, JSON in and out, problems as application/problem+json."""
