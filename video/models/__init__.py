"""Networks that tell where people look in videos, one a file."""
