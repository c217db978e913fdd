"""Signing: where the keys are kept, what is sworn about a build, and how anybody checks it."""
