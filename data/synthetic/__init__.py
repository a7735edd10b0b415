"""Data sets made from a seed, for tests, tours and trials without files."""
