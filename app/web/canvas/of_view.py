"""What the canvas shows of a prediction: the heat of each stop as a small picture, and the captions of the stops."""

import cv2
import numpy as np
import streamlit as st

from app.web.predictions import KEPT, View
from app.web.widgets import WHOLE
from data.draw.timeline import caption

AREAS = "areas"  # drawings of the workspace's areas share what can be undone


def stops(view: View) -> tuple[str, ...]:
    """A caption for each map: the whole viewing, then each second."""
    return (WHOLE, *(caption(time) for time in view.times))


def heat(view: View) -> tuple[bytes, ...]:
    """Each map as an 8-bit grey PNG on its own cells: its density relative to its own maximum, 0 to 255.

    One scale for all would leave late seconds blank: people scatter as they go on looking.
    """
    return _heat(view)[1]


@st.cache_resource(max_entries=KEPT, show_spinner=False, hash_funcs={View: id})
def _heat(view: View) -> tuple[View, tuple[bytes, ...]]:
    """With the view itself, so that no other one gets its `id`."""
    relative = np.exp(view.maps - view.maps.max((1, 2), keepdims=True))
    return view, tuple(cv2.imencode(".png", np.rint(255 * plane).astype(np.uint8))[1].tobytes() for plane in relative)
