"""A page a question, run by Streamlit; `app.main` lists them."""
