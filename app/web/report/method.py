"""How a report's numbers came about, in plain words: the model, what it learned from, how well it does, its limits."""

import platform
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from app.predict.areas import STUDY
from app.web.report.page import Cell, Method, Table
from app.web.widgets import CONDITIONS
from export.runtime.contract import Contract
from export.runtime.saliency import Predictor

PEOPLE = {  # who looked at the pictures of each set, and for how long
    "osie": "15 people, 3 seconds a picture: everyday scenes",
    "crowd": "16 people, 5 seconds a picture: photographs of crowds",
    "scene": "12 people, 3 seconds a picture: mostly outdoor places",
}
LIMITS = (
    "This is no eye-tracking study: nobody looked at these pictures. Where a decision matters, test with people.",
    "It predicts a group of adults who look freely, for some seconds, at a picture on a screen. It does not know what "
    "somebody looks for, knows, likes, reads or buys, nor what one person does.",
    "It learned from photographs of scenes. On screens, graphics, packages and pages of text it is outside of what it "
    "was trained on, and may be wrong in ways that the ranges do not show.",
    f"Ranges say what 95 of 100 studies with {STUDY} people each would find if people looked as the model predicts. "
    "How far the model is from people comes on top.",
    "Focus and clarity describe the map. A picture is not better because it has more of them.",
    "Parts of a picture that show people, faces or text attract looks for reasons the model has only partly learned.",
)


def method(model: Predictor, condition: str, settings: str = "", observers: int = 0) -> Method:
    """The method for pictures that a model looked at under a viewing condition; `settings` are those of drawing.

    `observers` is how many simulated ones stand behind the measures of areas; 0: there are none.
    """
    contract = model.contract
    trained = "; ".join(contract.training)
    paragraphs = [
        f"{contract.name} is a neural network that has learned from recorded eye movements where people look in a "
        "picture. For each point of a picture it gives the share of looks that fall there, "
        + (f"over the whole viewing and for each of {len(contract.slices)} seconds." if contract.slices else "over the "
           "whole viewing."),
        f"It learned from {trained}." if trained else "",
        f"Viewing condition: {CONDITIONS.get(condition, (condition, ''))[0]}. {CONDITIONS.get(condition, ('', ''))[1]}",
        f"What is said of areas and paths comes from {observers} simulated observers, drawn from the same maps: "
        "map, paths and tables agree." if observers else "",
    ]  # fmt: skip
    if contract.scores and any("explained" in scores for scores in contract.scores.values()):
        paragraphs.append(
            "The table below says how well it does on photographs that it has never seen. 0 % is a guess that "
            "everybody looks at the middle; 100 % is what other people's looks tell about a new person's."
        )
    return Method(
        [each for each in paragraphs if each], _scores(contract), LIMITS, _versions(model, condition, settings)
    )


def _scores(contract: Contract) -> Table | None:
    """How far the model gets from a guess to people, on each set that it was tested on."""
    rows = [
        [Cell(name, PEOPLE.get(name, "")), Cell(f"{scores['explained']:.0%}"), Cell(f"{scores['cc']:.2f}")]
        for name, scores in contract.scores.items()
        if "explained" in scores and "cc" in scores
    ]
    if not rows:
        return None
    columns = ["Test pictures", "From a guess (0 %) to people (100 %)", "Agreement of the maps (0 to 1)"]
    return Table("How well it does", columns, rows)


def _versions(model: Predictor, condition: str, settings: str) -> list[tuple[str, str]]:
    contract = model.contract
    try:
        ours = version("gaze")
    except PackageNotFoundError:
        ours = "unknown"
    return [
        ("gaze", ours),
        ("Model", f"{contract.name} {contract.version}, {contract.licence.split(chr(10))[0]}"),
        ("Viewing condition", condition),
        *([("Drawn with", settings)] if settings else []),
        ("Made", f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}"),
        ("Computed on", f"{model.provider.upper()}, Python {platform.python_version()}"),
    ]
