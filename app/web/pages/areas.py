"""How much does each area get? Areas of interest, drawn on the picture, and their shares of looks."""

import cv2
import numpy as np
import streamlit as st

from app.web import widgets
from app.web.canvas import canvas
from app.web.picture_bar import picture_bar
from app.web.predictions import view
from app.web.workspace import workspace

TITLE, ICON, PLACE = "Areas", ":material/select_all:", 10  # in the navigation


def main() -> None:
    """The page."""
    st.title("How much does each area get?")
    model = widgets.model_picker()
    if model is None:
        return
    stored = picture_bar("to see how much each of its areas gets")
    if stored is None:
        return
    condition = widgets.condition_picker(model.contract.conditions)
    seen = view(model, stored, condition)
    kept = workspace()
    relative = np.exp(seen.maps - seen.maps.max((1, 2), keepdims=True))
    heat = [cv2.imencode(".png", np.rint(255 * plane).astype(np.uint8))[1].tobytes() for plane in relative]
    state = canvas(
        "areas-canvas",
        seen.webp,
        seen.size,
        areas=kept.areas(),
        revision=kept.revisions.get(stored.key, 0),
        heat=heat,
        stops=[widgets.WHOLE, *(f"{a:g}–{b:g} s" for a, b in seen.times)],
        editable=True,
    )
    if state.areas is not None:
        kept.set_areas(stored.key, state.areas, drawn=True)
    st.write(state)
    st.write(kept.areas())


if __name__ == "__main__":
    main()
