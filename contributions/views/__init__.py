"""The pages: each view asks, decides by one action, and shows."""
