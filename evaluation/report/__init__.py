"""Results for people: tables, Markdown, CSV, one page of HTML."""
