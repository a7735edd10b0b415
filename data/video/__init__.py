"""Videos in, and videos out."""
