"""The one documented table format: fixations.csv, images/, objects.json, trials.csv, splits.json."""
