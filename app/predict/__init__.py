"""What `gaze predict` and the pages do: which pictures, which files, with which model."""
