"""How the frame's tables came to be."""
