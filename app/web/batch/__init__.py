"""Many pictures at once: a job in the background, what it keeps of each picture, tables and archives of it."""
