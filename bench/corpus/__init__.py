"""Facts about real patches on real releases, and what holds the portal's answers against them."""
