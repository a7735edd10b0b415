"""What the page Look is made of: legend, overlays, files to download."""
