"""A page a question, run by Streamlit; `app.web.main` lists them."""
