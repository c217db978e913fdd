"""The domain: contributions to a platform, and everything that is known of them."""
