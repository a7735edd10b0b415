"""Scores of scanpaths: sequences, MultiMatch, ScanMatch, search behaviour."""
