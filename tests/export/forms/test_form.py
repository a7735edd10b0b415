"""What forms are called, and what a person may ask for."""

import pytest

from data.errors import GazeError
from export.forms.form import PRECISIONS, Form, parse_canvases, parse_precisions
from export.forms.pictures import COUNT, calibration_pictures, check_pictures
from tests.export.forms import toy_network as toy


def test_every_form_has_a_name_of_its_own() -> None:
    forms = [Form(precision, canvas) for precision in PRECISIONS for canvas in (None, (32, 64), (64, 32))]
    names = [form.name("model") for form in forms]
    assert len({*names}) == len(forms)
    assert names[0] == "model"


def test_a_form_s_contract_says_precision_and_canvas() -> None:
    plain = toy.contract()
    made = Form("int8", (64, 96)).contract(plain)
    assert (made.name, made.precision, made.fixed, made.canvas) == ("toy.int8.64x96", "int8", True, (64, 96))
    assert Form().contract(plain) == plain.model_copy(update={"precision": "fp32", "fixed": False})
    assert Form().contract(toy.contract(scores={"osie": {"cc": 0.8}})).scores == {"osie": {"cc": 0.8}}


@pytest.mark.parametrize("text", ["", "fp8", "fp32,,int8", "fp32;int8", "half"])
def test_an_unknown_precision_is_refused(text: str) -> None:
    with pytest.raises(GazeError, match=r"There is no precision '.*'; name some of fp32, fp16, int8"):
        parse_precisions(text)


@pytest.mark.parametrize(
    "text", ["", "192", "192x", "x", "0x32", "-32x32", "32x32x3", "9999x32", "1e2x32", "٣x٣2", "32 x 32"]
)
def test_what_is_no_canvas_is_refused(text: str) -> None:
    with pytest.raises(GazeError, match="is no canvas; give HEIGHTxWIDTH in pixels"):
        parse_canvases(text)


def test_what_is_named_twice_is_made_once() -> None:
    assert parse_precisions("int8, FP32,int8") == ("int8", "fp32")
    assert parse_canvases("dynamic,32x64,32x64") == (None, (32, 64))


def test_forms_are_compared_on_32_pictures_of_many_sizes_and_calibrated_on_others() -> None:
    checked, calibrated = check_pictures(), calibration_pictures()
    assert len(checked) == len(calibrated) == COUNT
    sizes = {picture.shape[:2] for picture in checked}
    assert (1, 1) in sizes
    assert sum(height % 2 or width % 2 for height, width in sizes) >= 8
    same = sum(any(one.shape == other.shape and (one == other).all() for other in calibrated) for one in checked)
    assert same == 3  # the bundled samples
    assert all(picture.dtype == "uint8" and picture.ndim == 3 for picture in (*checked, *calibrated))
