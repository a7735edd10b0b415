"""Parts of networks that tell what a person in a picture looks at."""
