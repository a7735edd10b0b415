"""What gaze writes for other programs: the records behind its JSON, from which their JSON schemas are made.

`Record` is the parent of everything that is checked when it is made. `make schemas` writes the schemas.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from data.plain_text import unicode

SALIENCY = "gaze/saliency/4"  # names of the schemas: anything added or changed is a new version
SCANPATH = "gaze/scanpath/3"
VIDEO = "gaze/video/1"
FOLLOWING = "gaze/following/1"
SEARCH = "gaze/search/1"
SEARCH_COMPARISON = "gaze/search-comparison/1"
SHOWN = 60  # characters of a wrong value


class Record(BaseModel):
    """Named values that are checked and never change; what is wrong raises pydantic's ValidationError."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        serialize_by_alias=True,
        validate_by_name=True,
        defer_build=True,  # until the first is made: importing stays quick
    )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values, which are checked, as pydantic's own are not."""
        del deep  # nothing in a record changes
        values = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self)(**{**values, **(update or {})})

    def written(self) -> dict[str, Any]:
        """The values that were given, ready for JSON."""
        return self.model_dump(mode="json", exclude_unset=True)


def problem(error: ValidationError) -> str:
    """The first thing that is wrong with a record, in words: which field, what it should be, what it is.

    >>> try:
    ...     Point(x=0, y=1)
    ... except ValidationError as error:
    ...     problem(error)
    'x should be greater than 0, but it is 0'
    """
    first = error.errors(include_url=False)[0]
    words, value = first["msg"].removeprefix("Value error, "), repr(first["input"])
    name, *inside = first["loc"] or ("it",)
    field = f"{name}{''.join(f'[{part!r}]' for part in inside)}"
    if first["type"] == "value_error":
        return words
    if first["type"] == "missing":
        return f"{field} is missing"
    if words.startswith("Input should"):
        given = value if len(value) <= SHOWN else f"{value[:SHOWN]}..."
        return f"{field} {words.removeprefix('Input ')}, but it is {given}"
    words = f"{words[0].lower()}{words[1:]}"
    return f"{field}: {words}" if first["loc"] else words


def _unicode(text: Any) -> Any:
    return unicode(text) if isinstance(text, str) else text


Text = Annotated[str, BeforeValidator(_unicode)]  # what is no Unicode, as in the names of some files, is escaped
Side = Annotated[int, Field(ge=1, description="Pixels, as a person sees the picture.")]
Provider = Annotated[
    Literal["cpu", "cuda", "tensorrt", "openvino", "directml", "coreml"], Field(description="What the model ran on.")
]
Given = Annotated[
    Text, Field(description="The path as it was given; absent when the picture did not come from a file.")
]
Damaged = Annotated[
    Text,
    Field(
        description="What is wrong with the picture's file, which was predicted all the same (--accept-damaged); "
        "absent when nothing is known to be wrong."
    ),
]
Entropy = Annotated[
    float,
    Field(
        ge=0,
        description="Bits: 0 when all look at one pixel, log2(width * height) when everywhere is equally likely.",
    ),
]
Seconds = "Seconds from the onset of the picture."
Number = Annotated[int, Field(ge=0)]
Length = Annotated[float, Field(ge=0)]  # of pixels
Known = Annotated[float, Field(ge=0)] | None  # None is unknown
Share = Annotated[float, Field(ge=0, le=1)]


class Point(Record):
    """The centre of the pixel most looked at, in pixels."""

    x: float = Field(gt=0)
    y: float = Field(gt=0)


class Slice(Record):
    """Where people look during a part of the viewing time."""

    start_s: float = Field(ge=0, description=Seconds)
    end_s: float = Field(gt=0, description=Seconds)
    peak: Point
    entropy_bits: Entropy


class Predicted(Record):
    """What is said of every prediction of where people look: by which model, and how large what they look at is."""

    schema_: str = Field(alias="schema")
    model: Text = Field(description="Name of the model, as in `gaze models`.")
    version: Text = Field(description="Version of the model.")
    condition: Text = Field(description="Viewing condition, one of the model's.")
    provider: Provider
    width: Side
    height: Side


class SaliencyRecord(Predicted):
    """What `gaze predict --format json` and `Prediction.record` give.

    Pixels are counted from the top-left corner of the pixel grid, x to the right and y down: the centre of the first
    pixel is (0.5, 0.5). Anything added or changed is a new version.
    """

    model_config = ConfigDict(title="Where people look in a picture", json_schema_extra={"$id": SALIENCY})

    schema_: Literal["gaze/saliency/4"] = Field(alias="schema")
    peak: Point
    entropy_bits: Entropy
    slices: list[Slice] = Field(description="Slices of the viewing time, in order; empty when the model has none.")
    medium: Text = Field(
        default="", description="What the picture is like, such as a photograph; absent when the model does not tell."
    )
    familiar: bool = Field(
        default=True,
        description="Whether that is what the model was trained on; what it predicts for others is less certain.",
    )
    picture: Given = ""
    damaged: Damaged = ""


class FrameRecord(Predicted):
    """A line of what `gaze predict --format jsonl` gives for a video or a camera: where people look at one frame.

    Pixels are counted from the top-left corner of the pixel grid, x to the right and y down: the centre of the first
    pixel is (0.5, 0.5). Anything added or changed is a new version.
    """

    model_config = ConfigDict(title="Where people look at a frame of a video", json_schema_extra={"$id": VIDEO})

    schema_: Literal["gaze/video/1"] = Field(alias="schema")
    index: Number = Field(description="Number of the frame, from 0: the first that was asked for.")
    time_s: float = Field(ge=0, description="Seconds from the first frame of the video, as its file tells.")
    since_cut_s: float = Field(ge=0, description="Seconds from the first frame of the shot.")
    cut: bool = Field(description="Whether a shot begins with this frame, as the first one's does.")
    peak: Point
    entropy_bits: Entropy
    regions: dict[str, Share] = Field(
        description="Share of looks in each region: cells r1c1, r1c2, ... of a grid, row by row, or boxes of a file."
    )
    video: Text = Field(default="", description="The path as it was given; absent when a camera was recorded.")


class Box(Record):
    """Pixels of the top-left corner, and the sides."""

    x: Length
    y: Length
    width: Length
    height: Length


class Thing(Record):
    """An object of the picture, and how observers look at it."""

    category: Text = Field(description="Empty where it is not known.")
    box: Box
    seen: Share = Field(description="Share of observers who looked at it at all.")
    first: Share = Field(description="Share of observers who looked at it before anything else.")
    rank: Known = Field(description="Mean number of the first look at it; 1 is the first of the path.")
    rank_sd: Known = Field(description="Standard deviation of that number.")
    time_to_first_ms: Known = Field(description="Mean onset of the first look at it.")
    dwell_ms: Known = Field(description="Mean time spent on it; who never looked at it counts as 0.")
    looks: Known = Field(description="Mean number of fixations on it.")
    revisits: Known = Field(description="Mean number of returns to it from elsewhere.")


class Fixation(Record):
    """A look at an object."""

    object: Number
    x: Length
    y: Length
    duration_ms: Known
    start_ms: Known = Field(description="50 ms after the end of the fixation before it.")


class Path(Record):
    """What one observer looks at."""

    ended: bool = Field(description="By itself, and not at the limit.")
    log_p: float = Field(description="Natural logarithm of the probability of the path's objects.")
    fixations: list[Fixation]


class ScanpathRecord(Record):
    """What `gaze predict --task scanpath --format json` gives.

    Pixels are counted from the top-left corner of the pixel grid, x to the right and y down: the centre of the first
    pixel is (0.5, 0.5). Times are milliseconds from the onset of the picture. null is unknown. Anything added or
    changed is a new version.
    """

    model_config = ConfigDict(
        title="In which order people look at the objects of a picture",
        json_schema_extra={"$id": SCANPATH},
    )

    schema_: Literal["gaze/scanpath/3"] = Field(alias="schema")
    model: Text = Field(
        description="Name of the model that says which object comes next; walk is the baseline without weights."
    )
    version: Text = Field(description="Version of the model.")
    provider: Provider
    density: Text | None = Field(
        description="Name of the model that says where on an object looks fall; null: they scatter about its middle."
    )
    task: Literal["free", "search"] = Field(description="Whether something was looked for.")
    width: Side
    height: Side
    observers: int = Field(ge=1, description="How many were simulated.")
    temperature: float = Field(gt=0, description="Below 1 observers agree more, above 1 less.")
    seed: int = Field(ge=0, description="The same seed gives the same paths.")
    limit: int = Field(ge=1, description="Fixations at most.")
    condition: Text = Field(description="Viewing condition, one of the model's.")
    targets: list[Number] = Field(
        description="The objects looked for; empty in free viewing, and where the place of the target was not told."
    )
    representative: Number = Field(description="The observer whose path agrees best with all others.")
    objects: list[Thing] = Field(
        description="In the order of their numbers, from 0. Shares and means are over all observers; rank, rank_sd and "
        "time_to_first_ms over those who saw the object."
    )
    paths: list[Path] = Field(description="One for each observer.")
    picture: Given = ""
    damaged: Damaged = ""


class Place(Record):
    """A place in a picture, in pixels."""

    x: Length
    y: Length


class SearchRecord(Predicted):
    """What `gaze predict --task scanpath --format json` gives with a model that searches places, such as eccnet.

    Pixels are counted from the top-left corner of the pixel grid, x to the right and y down: the centre of the first
    pixel is (0.5, 0.5). null is unknown. Anything added or changed is a new version.
    """

    model_config = ConfigDict(title="Where the gaze goes in search of a target", json_schema_extra={"$id": SEARCH})

    schema_: Literal["gaze/search/1"] = Field(alias="schema")
    degrees: float = Field(gt=0, description="Of visual angle: how wide the picture is seen.")
    limit: int = Field(ge=1, description="Fixations after the first, at most.")
    target: Box | None = Field(
        description="Where what is looked for is, which the model is not told; null: nowhere, as far as is known."
    )
    given: Literal["box", "picture"] = Field(description="What was given of the target.")
    found: bool | None = Field(description="Whether it was fixated; null where nobody knows where it is.")
    fixations_to_target: Number | None = Field(
        description="Fixations after the first, until the target is fixated; null where it is not."
    )
    reaction_time_ms: Known = Field(
        description="What people would need for so many fixations: the line of the paper; null as above."
    )
    fixations: list[Place] = Field(min_length=1, description="The first is where the gaze is when the picture appears.")
    picture: Given = ""
    damaged: Damaged = ""


class HeadPose(Record):
    """Where a head faces, in degrees."""

    yaw: float = Field(description="Above 0 to the picture's left.")
    pitch: float = Field(description="Above 0 up.")
    roll: float
    apart: float = Field(ge=0, description="How far models and mirror images disagree about the nose.")
    known: bool = Field(description="Whether they agree well enough; if not, no direction is used.")


class OneWhoLooks(Record):
    """A person of the picture, and what that person looks at."""

    head: Box
    score: Share | None = Field(description="How sure it is a head; null: a person gave it.")
    pose: HeadPose | None = Field(description="null: no head-pose model was given.")
    place: Point = Field(description="The most likely place of what is looked at, if that is in the picture.")
    in_frame: Share = Field(description="Probability that it is in the picture; of the cone a rule of thumb.")
    confidence: Share = Field(
        description="Share of the density within a tenth of the picture's diagonal of the most likely place."
    )


class FollowingRecord(Predicted):
    """What `gaze predict --task following --format json` gives.

    Pixels are counted from the top-left corner of the pixel grid, x to the right and y down: the centre of the first
    pixel is (0.5, 0.5). null is unknown. Anything added or changed is a new version.
    """

    model_config = ConfigDict(title="What people in a picture look at", json_schema_extra={"$id": FOLLOWING})

    schema_: Literal["gaze/following/1"] = Field(alias="schema")
    people: list[OneWhoLooks] = Field(description="In the order of their numbers in what is drawn, from 1 there.")
    picture: Given = ""
    damaged: Damaged = ""


class FixationSequence(Record):
    """One search of a version."""

    found: bool | None = Field(description="Whether the target was fixated; null where nobody knows where it is.")
    fixations: list[Place] = Field(min_length=1, description="The first is where it starts.")


class SearchedVersion(Record):
    """The searches of one version."""

    picture: Text
    width: Side
    height: Side
    target: Box | None = Field(description="null: nowhere, as far as is known.")
    mean_fixations: Known = Field(
        description="After the first, until the target is fixated; a search that misses it counts its limit."
    )
    mean_reaction_time_ms: Known = Field(description="What people would need for so many.")
    missed: Number = Field(description="Searches that do not find the target.")
    searches: list[FixationSequence] = Field(min_length=1, description="From the middle first.")


class SearchComparisonRecord(Record):
    """What `gaze search A B --format json` gives: how many fixations it takes to find a target in two versions.

    Pixels are counted from the top-left corner of the pixel grid, x to the right and y down. Searches of one number
    start at the same place, as shares of width and height. null is unknown. Anything added or changed is a new version.
    """

    model_config = ConfigDict(
        title="How many fixations it takes to find a target in two versions of a picture",
        json_schema_extra={"$id": SEARCH_COMPARISON},
    )

    schema_: Literal["gaze/search-comparison/1"] = Field(alias="schema")
    model: Text = Field(description="Name of the model, as in `gaze models`.")
    version: Text = Field(description="Version of the model.")
    condition: Text = Field(description="Viewing condition, one of the model's.")
    provider: Provider
    degrees: float = Field(gt=0, description="Of visual angle: how wide the pictures are seen.")
    limit: int = Field(ge=1, description="Fixations after the first, at most.")
    starts: int = Field(ge=1, description="Searches of each version.")
    seed: Number = Field(description="Of where they start.")
    a: SearchedVersion
    b: SearchedVersion
    difference: float | None = Field(description="How many more fixations B takes: the mean over starts.")
    differences: list[int] = Field(description="The same of each start; empty where a version has no target.")
    sentence: Text = Field(description="The answer in words.")
