"""Heads in a picture, where they face, and what the people look at."""
