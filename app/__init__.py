"""Everything a person runs: the command line and the Streamlit pages."""
