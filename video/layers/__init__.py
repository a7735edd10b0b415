"""Parts of networks for videos."""
