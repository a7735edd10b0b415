"""The parts of the page Recording: where files are brought, what is drawn, and tables."""
