"""Two pictures at one height under their captions, whole, with what belongs to both below."""

import numpy as np
import pytest

from data.draw.side_by_side import TALLEST, WIDEST, side_by_side


@pytest.mark.parametrize("sizes", [((60, 90), (60, 90)), ((20, 20), (400, 30)), ((TALLEST + 300, 40), (10, 500))])
def test_pictures_stand_whole_beside_each_other_at_one_height(sizes: tuple[tuple[int, int], ...]) -> None:
    inks = ((200, 30, 30), (30, 30, 200))
    drawn = [np.broadcast_to(np.array(ink, np.uint8), (*size, 3)).copy() for size, ink in zip(sizes, inks, strict=True)]
    legend = np.zeros((12, 5000, 3), np.uint8)
    whole = side_by_side(drawn, ["A: one.png", "B: another one.png"], legend, "A note.")
    heights = [(whole == ink).all(2).any(1).sum() for ink in inks]
    assert heights[0] == heights[1] <= TALLEST
    columns = [np.flatnonzero((whole == ink).all(2).any(0)) for ink in inks]
    assert columns[0].max() < columns[1].min()
    assert max(len(each) for each in columns) <= WIDEST
    assert (whole[:, :8] == 255).all()
    assert (whole[:, -8:] == 255).all()


def test_captions_belong_to_pictures() -> None:
    with pytest.raises(ValueError, match="captions"):
        side_by_side([np.zeros((4, 4, 3), np.uint8)], [])
