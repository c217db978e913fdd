"""A real platform to try the portal on: its releases, people who share patches, and what they do with each other's."""
