"""What the page Areas is made of: suggestions, and the table and charts of results."""
