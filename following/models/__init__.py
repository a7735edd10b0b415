"""Networks that tell what a person in a picture looks at, one a file."""
