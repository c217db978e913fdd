"""What programs read that are not written for us: Atom feeds, and the package index that pip installs from."""
