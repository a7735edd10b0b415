"""A trained model becomes a file that runs anywhere."""
