"""Saliency in Crowd, 500 pictures of crowds looked at for five seconds by 16 people, as its authors publish it.

    data/stimuli/001.jpg ...      1024 x 768 pixels
    data/eye/fixations.mat        fixations{i}.img, .subjects{j}.fix_x, .fix_y, .fix_duration (ms)

The layout is that of OSIE, and so is the way of counting: the authors' own maps use round(fix_x) as a column from 1 to
1024, so 1 is the centre of the first pixel, which is 0.5 for us. Onsets are not published. The faces of labels.mat are
not read. The authors divide the pictures at random into ten parts anew with each run, so that there are no splits.
Jiang, Xu and Zhao 2014, https://doi.org/10.1007/978-3-319-10584-0_2; https://github.com/NUS-VIP/saliency-in-crowd.
"""

from collections.abc import Iterator
from pathlib import Path

from data.datasets import osie
from data.datasets.catalog import GITHUB, File, Published
from data.gaze import Picture, Scanpath

CATALOG = {
    "crowd": Published(
        title="Crowd",
        what="photographs of crowds with labelled faces, free viewing; the people in them can be recognised",
        pictures=500,
        people=16,
        seconds=5,
        licence="MIT",
        commercial="yes",
        url="https://github.com/NUS-VIP/saliency-in-crowd",
        citation="Jiang, Xu, Zhao 2014, Saliency in Crowd, ECCV",
        files=(File(GITHUB.format("NUS-VIP/saliency-in-crowd", "8bb04162"), lone=True),),
    ),
}

SIZE = (1024, 768)  # width, height in pixels of every picture


def read(root: Path | str) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture with its scanpaths, in the order of the release; viewers are s01 to s16.

    A viewer without a fixation on a picture has no scanpath there.

    Raises:
        TableError: The folder is not as the authors publish it, or its numbers have other units.
    """
    return osie.items(Path(root), "Saliency in Crowd", SIZE)
