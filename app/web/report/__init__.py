"""A report: one HTML page that needs nothing else, to read, to hand on and to print."""
