"""What a person in a picture looks at."""
