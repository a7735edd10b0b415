"""The legend beside a map: what its colours mean, in words and in the page's own colours."""

import html

import numpy as np
import streamlit as st
from jaxtyping import Float

from data.draw.legend import MEANING, TICKS, edge_heat
from data.draw.palettes import LEVELS, palette_table

STEPS = 48  # colours of the bar


def legend(density: Float[np.ndarray, "g v"], palette: str, opacity: float) -> None:
    """A bar from all looks to none: at 50 % lies the colour around the smallest region that half of them fall into."""
    levels = np.rint(edge_heat(density, STEPS) * (LEVELS - 1)).astype(int)
    colours = palette_table(palette, opacity)[levels]
    listed = ", ".join(f"rgb({r} {g} {b} / {a / 255:.3f})" for r, g, b, a in colours.tolist())
    ticks = "".join(f'<span style="left:{100 * (1 - share):.0f}%">{100 * share:.0f} %</span>' for share in TICKS)
    words = html.escape(MEANING).replace(" %", "&nbsp;%")
    st.html(
        f'<div class="legend"><div class="bar" role="img" aria-label="{words}" '
        f'style="background:linear-gradient(to right, {listed}), #fff"></div>'
        f'<div class="ticks">{ticks}</div><p>{words}</p></div>'
    )
