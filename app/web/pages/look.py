"""Where do people look, and when? The map of a picture, second by second."""

import streamlit as st

from app.web import widgets
from app.web.picture_bar import picture_bar
from app.web.predictions import view

TITLE, ICON, PLACE = "Look", ":material/visibility:", 0  # in the navigation


def main() -> None:
    """The page."""
    st.title("Where do people look?")
    model = widgets.model_picker()
    if model is None:
        return
    stored = picture_bar("to see where people look")
    if stored is None:
        return
    condition = widgets.condition_picker(model.contract.conditions)
    seen = view(model, stored, condition)
    st.image(seen.webp, width="stretch", alt=seen.name)


if __name__ == "__main__":
    main()
