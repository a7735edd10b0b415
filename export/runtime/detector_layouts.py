"""The layouts in which object detectors answer: how each wants its picture, and how its boxes are read.

    layout       outputs                                              the picture is   boxes
    yolo         (1, 4 + classes, anchors)                            letterboxed      centre, size; input pixels
    end-to-end   (1, n, 6): box, score, class                         letterboxed      corners; input pixels
    yolox        (1, anchors, 5 + classes), with an objectness        letterboxed      centre, size; by cell or pixels
    nanodet      (1, anchors, classes + 4 bins)                       stretched        distances to sides, by cell
    yunet        cls_8, obj_8, bbox_8, ... for each stride            letterboxed      centre, size; by cell
    queries      (1, n, 4 + classes), scores                          stretched        centre, size; 0 to 1
    logits       logits (1, n, classes) and pred_boxes (1, n, 4)      stretched        centre, size; 0 to 1
    lists        labels, boxes, scores; a second input takes          stretched        corners; picture's pixels
                 the picture's width and height

These are what YOLOv8 to v12 export, YOLOv10 or any with its selection built in, YOLOX (decoded or not), NanoDet and
NanoDet-Plus, the face detector YuNet, RT-DETR from Ultralytics, from Transformers, and from its authors.
https://docs.ultralytics.com/modes/export, https://arxiv.org/abs/2107.08430, https://github.com/RangiLyu/nanodet,
https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet, https://github.com/lyuwenyu/RT-DETR
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8

STRIDES = (8, 16, 32)  # input pixels a cell
MORE_STRIDES = (8, 16, 32, 64)  # of NanoDet-Plus
BINS = 8  # of NanoDet: a distance is the mean of so many steps of one cell
SCALE = 1.5  # above it a number cannot be a share of the picture, below it boxes in pixels would be a dot
FAR = 8.0  # cells: of centres that are counted from their cells the median is nearer, of pixels it is farther
YUNET = {"bbox": 4, "cls": 1, "obj": 1}  # its outputs of each stride, and their numbers a cell
LARGE = 60.0  # logits beyond say no more

Answers = Mapping[str, np.ndarray]
Found = tuple[np.ndarray, np.ndarray, np.ndarray]  # corners (n, 4), scores (n), classes (n)
Size = tuple[int, int]  # height and width of the input


@dataclass(frozen=True)
class Layout:
    """One row of the table."""

    decode: Callable[[Answers, Size], Found]
    letterboxed: bool = True
    thinned: bool = False  # whether it names an object many times
    shares: bool = False  # whether boxes are shares of the input, not its pixels
    bgr: bool = False
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)  # of the input's channels, in levels of 0 to 255
    std: tuple[float, float, float] = (255.0, 255.0, 255.0)
    names: tuple[str, ...] = ()  # of the classes where the file names none

    def prepare(self, canvas: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "1 3 h w"]:
        """The input for a picture on its canvas."""
        channels = canvas[..., ::-1] if self.bgr else canvas
        mean, std = (np.asarray(three, np.float32) for three in (self.mean, self.std))
        scaled = (channels.astype(np.float32) - mean) / std
        return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def _corners(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    """Boxes given by centre and size."""
    return np.hstack([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2])


def _scored(boxes: np.ndarray, scores: np.ndarray) -> Found:
    """Each box with its best class."""
    return _corners(boxes), scores.max(1), scores.argmax(1)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -LARGE, LARGE))))


def cells(size: Size, strides: tuple[int, ...]) -> Float[np.ndarray, "a 3"]:
    """Column, row and stride of every cell, stride by stride, row by row."""
    parts = []
    for stride in strides:
        rows, columns = (-(-side // stride) for side in size)
        row, column = np.indices((rows, columns)).reshape(2, -1)
        parts.append(np.stack([column, row, np.full(rows * columns, stride)], 1))
    return np.concatenate(parts).astype(np.float64)


def _yolo(found: Answers, size: Size) -> Found:
    (answer,) = found.values()
    return _scored(answer[0, :4].T, answer[0, 4:].T)


def _end_to_end(found: Answers, size: Size) -> Found:
    (answer,) = found.values()
    return answer[0, :, :4], answer[0, :, 4], answer[0, :, 5]


def _by_cell(boxes: Float[np.ndarray, "a 4"], where: Float[np.ndarray, "a 3"]) -> Float[np.ndarray, "a 4"]:
    """Centre and size in pixels: the centre is counted in cells from its own, the size is a logarithm in cells."""
    stride = where[:, 2:]
    return np.hstack([(boxes[:, :2] + where[:, :2]) * stride, np.exp(np.clip(boxes[:, 2:], -LARGE, 20)) * stride])


def _yolox(found: Answers, size: Size) -> Found:
    (answer,) = found.values()
    boxes = answer[0, :, :4]
    if np.median(np.abs(boxes[:, :2])) <= FAR:  # not decoded in the graph
        boxes = _by_cell(boxes, cells(size, STRIDES))
    return _scored(boxes, answer[0, :, 4:5] * answer[0, :, 5:])


def _nanodet(found: Answers, size: Size) -> Found:
    (answer,) = found.values()
    scores, distances = answer[0, :, : -4 * BINS], answer[0, :, -4 * BINS :].reshape(-1, 4, BINS)
    plus = len(scores) == len(cells(size, MORE_STRIDES))
    where = cells(size, MORE_STRIDES if plus else STRIDES)
    weight = np.exp(distances - distances.max(2, keepdims=True))
    away = (weight @ np.arange(BINS)) / weight.sum(2) * where[:, 2:]
    middle = where[:, :2] * where[:, 2:] if plus else (where[:, :2] + 0.5) * where[:, 2:] - 0.5
    corners = np.hstack([middle - away[:, :2], middle + away[:, 2:]])
    return corners, scores.max(1), scores.argmax(1)


def _yunet(found: Answers, size: Size) -> Found:
    kinds = ("bbox", "cls", "obj")
    boxes, classes, objects = (np.concatenate([found[f"{kind}_{s}"][0] for s in STRIDES]) for kind in kinds)
    score = np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1))
    return _corners(_by_cell(boxes, cells(size, STRIDES))), score, np.zeros(len(score))


def _queries(found: Answers, size: Size) -> Found:
    (answer,) = found.values()
    return _scored(answer[0, :, :4], answer[0, :, 4:])


def _logits(found: Answers, size: Size) -> Found:
    return _scored(found["pred_boxes"][0], _sigmoid(found["logits"][0]))


def _lists(found: Answers, size: Size) -> Found:
    return found["boxes"].reshape(-1, 4), found["scores"].ravel(), found["labels"].ravel()


COCO = tuple(
    """person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign,
    parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella,
    handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard,
    surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange,
    broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
    mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors,
    teddy bear, hair drier, toothbrush""".replace("\n", " ").split(",")
)
COCO = tuple(" ".join(name.split()) for name in COCO)  # what YOLOX and NanoDet are trained on, if nobody says more

LAYOUTS = {
    "yolo": Layout(_yolo, thinned=True),
    "end-to-end": Layout(_end_to_end),
    "yolox": Layout(_yolox, thinned=True, bgr=True, std=(1.0, 1.0, 1.0), names=COCO),
    "nanodet": Layout(
        _nanodet,
        letterboxed=False,
        thinned=True,
        bgr=True,
        mean=(103.53, 116.28, 123.675),
        std=(57.375, 57.12, 58.395),
        names=COCO,
    ),
    "yunet": Layout(_yunet, thinned=True, bgr=True, std=(1.0, 1.0, 1.0), names=("face",)),
    "queries": Layout(_queries, letterboxed=False, shares=True),
    "logits": Layout(_logits, letterboxed=False, shares=True),
    "lists": Layout(_lists, letterboxed=False),
}


def layout_of(found: Answers, size: Size, classes: int, inputs: int) -> str:
    """The layout that the answer to a grey picture fits; "" for none.

    `size` is that of the input, `classes` how many the file names (0: it does not say), `inputs` how many it takes.
    """
    shapes = {name: answer.shape for name, answer in found.items()}
    if set(found) == {"labels", "boxes", "scores"} and inputs == 2:
        count = found["scores"].size
        fits = shapes["boxes"] in ((1, count, 4), (count, 4)) and found["labels"].size == count
        return "lists" if fits else ""
    if set(found) == {"logits", "pred_boxes"}:
        fits = len(shapes["logits"]) == 3 and shapes["pred_boxes"] == (1, shapes["logits"][1], 4)
        return "logits" if fits else ""
    if {f"{kind}_{s}" for kind in ("cls", "obj", "bbox") for s in STRIDES} <= set(found):
        wanted = {f"{kind}_{s}": (1, len(cells(size, (s,))), n) for s in STRIDES for kind, n in YUNET.items()}
        fits = all(shapes[name] == shape for name, shape in wanted.items())
        return "yunet" if fits else ""
    if len(found) == 1:
        answer = next(iter(found.values()))
        if answer.ndim == 3 and len(answer) == 1:
            return _of_cells(answer, size, classes) or _single(answer, classes)
    return ""


def _of_cells(answer: np.ndarray, size: Size, classes: int) -> str:
    """The layout of an output that has a row for each cell of all strides."""
    _, rows, columns = answer.shape
    probabilities = answer[0, :, 4:].min(initial=0) >= 0 and answer[0, :, 4:].max(initial=0) <= 1
    for name, strides, extra in (
        ("yolox", STRIDES, 5),
        ("nanodet", STRIDES, 4 * BINS),
        ("nanodet", MORE_STRIDES, 4 * BINS),
    ):
        wide = columns == extra + classes if classes else columns > extra
        if rows == len(cells(size, strides)) and wide and probabilities == (name == "yolox"):
            return name
    return ""


def _single(answer: np.ndarray, classes: int) -> str:
    """The layout of a single output (1, a, b) without a row for each cell; "" for none."""
    _, rows, columns = answer.shape
    wide = 4 + classes if classes else min(rows, columns)
    shares = 0 < np.abs(answer[0, :, :4]).max(initial=0) <= SCALE
    if columns == 6:
        return "queries" if shares and wide == 6 else "end-to-end"
    if wide < 5:
        return ""
    if rows == wide:
        return "yolo"
    return "queries" if columns == wide and np.abs(answer[0, :, :4]).max(initial=0) <= SCALE else ""
