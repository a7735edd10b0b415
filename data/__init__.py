"""Eye-tracking files in, typed gaze out; pictures out. Nothing here knows torch."""
