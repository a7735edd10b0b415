"""Zip archives that a person brings, read member by member, and such as are handed out, written piece by piece."""
