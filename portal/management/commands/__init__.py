"""One command of the frame a file."""
