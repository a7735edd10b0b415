"""What a project says, in the words of the page: no paths of this machine, and buttons in place of flags."""

from pathlib import Path

from annotation.record import ProjectRecord

OFFSET = "change under “Gaze” how many seconds are added to its clock"
INSTEAD = (  # of what `annotation` tells who works with commands
    ("if that is wrong, give --offset.", f"if that is wrong, {OFFSET}."),
    ("give --offset in seconds.", f"{OFFSET}."),
    ("give a smaller --fps.", "choose fewer pictures a second, or bring a part of the video."),
)


def plainly(sentence: str, folder: Path, about: ProjectRecord | None = None) -> str:
    """A sentence of a project in a folder as visitors of the page may read it."""
    files = [] if about is None else [about.video.path, *([about.gaze.path] if about.gaze else [])]
    for place in sorted({str(folder), *(str(Path(file).parent) for file in files)}, key=len, reverse=True):
        if len(place) > 1:
            sentence = sentence.replace(f"{place}/", "")
    sentence = sentence.replace(str(folder), folder.name)
    for told, shown in INSTEAD:
        sentence = sentence.replace(told, shown)
    return sentence


def count(number: int, one: str, many: str = "") -> str:
    """A number of things.

    >>> count(1, "thing"), count(1200, "thing")
    ('1 thing', '1,200 things')
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def clock(seconds: float) -> str:
    """A moment of a video.

    >>> clock(3.25), clock(754.5)
    ('0:03.2', '12:34.5')
    """
    tenths = int(seconds * 10 + 1e-6)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"
