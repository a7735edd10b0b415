"""Are sentences true, well written and free of nonsense, also for odd numbers?"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.predict.area_names import names, owned, place
from app.predict.areas import AreaDifference, AreaMeasures, difference, measure
from app.predict.observers import observe
from app.predict.sentences import of_areas, of_difference, of_map, of_view, people, percent, seconds
from data.areas import rectangle
from tests.app.predict.made_maps import made, spot

NAN = math.nan


MEASURED = ("share", "lift", "centre_lift", "seen", "first_s", "dwell_s", "rank")


def area(name: str = "button", share: float = 0.1, **values: Any) -> AreaMeasures:
    by_second = np.array(values.pop("share_by_second", [share] * 5), float)
    seen_by = np.array(values.pop("seen_by_second", [0.5] * 5), float)
    known: dict[str, Any] = {"kind": "", "middle": (0.5, 0.5), "part": 0.1, "observers": 100}
    known |= {"lift": 1.0, "centre_lift": 1.0, "seen": 0.5, "dwell_s": 0.4, "rank": 1.0}
    known |= {"first_s": 1.0, "first_low": 0.5, "first_high": 2.0, "studies": np.zeros((2, 5))}
    known |= {f"{each}_{end}": 0.0 for each in MEASURED for end in ("low", "high")}
    known |= {"share_by_second_low": by_second, "share_by_second_high": by_second}
    return AreaMeasures(name=name, share=share, share_by_second=by_second, seen_by_second=seen_by, **(known | values))


def apart(share: float = 0.0, first_s: float = 0.0, notice: str = "") -> AreaDifference:
    ends = {name: (1.0, 2.0) if name in notice.split() else (-1.0, 1.0) for name in ("share", "seen", "first_s")}
    limits = {f"{name}_{end}": each[n] for name, each in ends.items() for n, end in enumerate(("low", "high"))}
    return AreaDifference(name="button", share=share, seen=0.0, first_s=first_s, **limits)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0 %"),
        (1e-9, "less than 0.1 %"),
        (0.0994, "9.9 %"),
        (0.0996, "10 %"),
        (0.5, "50 %"),
        (0.9951, "99.5 %"),
        (0.9995, "more than 99.9 %"),
        (1.0, "100 %"),
        (NAN, "an unknown share"),
    ],
)
def test_shares_are_never_rounded_to_what_they_are_not(share: float, words: str) -> None:
    assert percent(share) == words


def test_seconds_and_people_in_words() -> None:
    assert [seconds(value) for value in (0.0, 0.06, 12.34, NAN)] == [
        "less than 0.1 s",
        "0.1 s",
        "12.3 s",
        "an unknown time",
    ]
    assert [people(share, 1) for share in (0.0, 1.0)] == ["Nobody", "The one person"]


def test_the_leader_of_the_first_second_and_who_follows() -> None:
    told = of_areas(
        [
            area("face", 0.2, share_by_second=[0.31, 0.2, 0.1, 0.1, 0.1], kind="face"),
            area("headline", 0.3, share_by_second=[0.1, 0.2, 0.41, 0.3, 0.2], lift=3.44),
            area("Buy now", 0.01, seen=0.04, seen_by_second=[0, 0, 0, 0.02, 0.04]),
        ]
    )
    assert told == [
        "The face gets 31 % of looks in the first second, the headline 41 % after two seconds.",
        "The headline gets 30 % of all looks, 3.4 times as many as its size alone would give it.",
        "50 of 100 people see the face, half of these within 1.0 s.",
        "Nobody sees the area “Buy now” in the first three seconds.",
    ]


def test_one_area_and_one_that_keeps_its_share() -> None:
    assert of_areas([area(share=0.2, share_by_second=[0.4, 0.3, 0.2, 0.1, 0.0])])[0] == (
        "The button gets 40 % of looks in the first second and 0 % in the last."
    )
    assert (
        of_areas([area(share=0.2)])[0]
        == "The button gets 20 % of all looks, about as many as its size alone would give it."
    )


def test_odd_numbers_make_no_odd_sentences() -> None:
    nothing = area(share=0.0, lift=0.0, seen=0.0, first_s=NAN, seen_by_second=[0] * 5)
    assert of_areas([nothing]) == ["The button gets no looks.", "Nobody sees the button."]
    assert of_areas([nothing, replace(nothing, name="logo")])[0] == "None of the areas gets a look."
    unknown = area(share=0.3, share_by_second=[], seen_by_second=[], lift=0.5)
    assert of_areas([unknown])[0] == "The button gets 30 % of all looks, fewer than its size alone would give it."
    ties = [area("one", 0.2), area("two", 0.2)]
    assert "the most" not in " ".join(of_areas(ties))
    alone = area(share=0.5, seen=1.0, observers=1)
    assert "The one person sees the button." in of_areas([alone])
    assert of_areas([]) == []
    everything = of_areas([area(share=NAN, share_by_second=[NAN] * 5, seen=0.0, first_s=NAN, lift=NAN)])
    assert not any("nan" in sentence for sentence in everything)


def test_areas_that_cover_all_or_hardly_anything() -> None:
    whole = of_areas([area("Page", 1.0, part=1.0, seen=1.0, first_s=0.3)])
    assert whole == [
        "The area “Page” gets 100 % of all looks: it covers the whole picture.",
        "Everybody sees the area “Page”, half of them within 0.3 s.",
    ]
    tiny = of_areas([area("Dot", 2e-5, share_by_second=[3e-5, 1e-5], seen=0.0, first_s=NAN, lift=0.4)])
    assert "in the last" not in " ".join(tiny)
    assert tiny[0] == "The area “Dot” gets less than 0.1 % of all looks, fewer than its size alone would give it."


def test_sentences_end_in_one_full_stop_and_begin_with_a_capital() -> None:
    maps = made(0.7 * spot(0.3, 0.5) + 0.3 * spot(0.8, 0.4))
    boxes = {"face 1": (150, 200, 90, 80), "face 2": (480, 160, 60, 60)}
    areas = [*(rectangle(name, box, "face") for name, box in boxes.items()), rectangle("x y", (0, 0, 9, 9))]
    told = of_view(maps.maps[0], measure(maps, areas, observe(maps, 50)))
    assert 1 < len(told) <= 4
    for sentence in told:
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert not sentence.endswith("..")
        assert "face 1" not in sentence


def test_half_of_all_looks() -> None:
    assert (
        of_map(np.log(np.full((10, 10), 0.01))) == "Looks are spread widely: half of them fall on 50 % of the picture."
    )
    peak = np.full((10, 10), 0.4 / 99)
    peak[3, 3] = 0.6
    assert of_map(np.log(peak)) == "Half of all looks fall on 1.0 % of the picture."


LOW, HIGH, UNSEEN = area(share=0.016), area(share=0.031), area(share=0.0, seen=0.0, first_s=NAN)
DEARER = "3.1 % instead of 1.6 % of looks and is seen 0.4 s"


@pytest.mark.parametrize(
    ("a", "b", "told", "sentence", "verdict"),
    [
        (LOW, HIGH, apart(0.015, -0.4, "share first_s"), f"{DEARER} earlier", "would notice both"),
        (LOW, HIGH, apart(0.015, 0.4), f"{DEARER} later", "would hardly notice"),
        (LOW, HIGH, apart(0.015, 0.4, "share"), f"{DEARER} later", "would notice the share of looks, not the time"),
        (LOW, HIGH, apart(0.015, 0.4, "first_s"), f"{DEARER} later", "would notice the time, not the share of looks"),
        (LOW, HIGH, apart(0.015, 0.01, "share"), "3.1 % instead of 1.6 % of looks", "would notice"),
        (LOW, LOW, apart(), "1.6 % of looks, as before", "would hardly notice"),
        (
            UNSEEN,
            area(share=0.05, seen=0.4),
            apart(0.05, NAN, "share seen"),
            "5.0 % instead of 0 % of looks and is seen by 40 of 100, in A by nobody",
            "would notice both",
        ),
        (
            area(share=0.05, seen=0.4),
            UNSEEN,
            apart(-0.05, NAN),
            "0 % instead of 5.0 % of looks and is seen by nobody, in A by 40 of 100",
            "would hardly notice",
        ),
    ],
)
def test_two_versions(a: AreaMeasures, b: AreaMeasures, told: AreaDifference, sentence: str, verdict: str) -> None:
    assert of_difference(a, b, told) == f"B's button gets {sentence}; a study with 20 people {verdict}."


def test_no_looks_in_either_version() -> None:
    assert of_difference(UNSEEN, UNSEEN, apart()) == "B's button gets no looks in either version."


def test_two_versions_of_real_measures() -> None:
    box = rectangle("Buy now", (440, 140, 80, 100))
    a, b = (
        measure(maps, [box], observe(maps, 50))[0]
        for maps in (made(w * spot(0.75, 0.4) + (1 - w) * spot(0.25, 0.5, 0.2)) for w in (0.02, 0.4))
    )
    told = of_difference(a, b, difference(a, b))
    assert told.startswith("B's area “Buy now” gets ")
    assert told.endswith("would notice both.")


def test_what_areas_are_called() -> None:
    found = [
        area("face 1", kind="face", middle=(0.1, 0.5)),
        area("face 2", kind="face", middle=(0.9, 0.1)),
        area("object 3", kind="object", middle=(0.5, 0.5), part=0.2),
        area("object 4", kind="object", middle=(0.5, 0.5), part=0.1),
        area("SALE 50 %", kind="text"),
        area("The hero picture"),
        area("news"),
        area("x" * 70),
    ]
    assert names(found) == [
        "the face on the left",
        "the face at the top right",
        "the largest object in the middle",
        "object 4 (in the middle)",
        "the text “SALE 50 %”",
        "the hero picture",
        "the area “news”",
        f"the area “{'x' * 39}…”",
    ]
    assert names([area("face 1", kind="face")]) == ["the face"]
    assert owned(area("logo"), "B") == "B's logo"
    assert place(1.0, 1.0) == "at the bottom right"
    assert len(set(names(found))) == len(found)
