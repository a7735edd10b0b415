"""Tiny data sets, each in exactly the layout that its authors publish: one function a set, and the table of them."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from data.datasets import READERS


def picture(path: Path, width: int, height: int) -> None:
    """A picture of one grey, which its name and its folder's choose, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = zlib.crc32(f"{path.parent.name}/{path.name}".encode()) % 256
    assert cv2.imwrite(str(path), np.full((height, width, 3), grey, np.uint8))


def savemat(path: Path, variables: dict[str, object]) -> None:
    """A MATLAB file of version 5, compressed as the published ones, with the folders above it."""
    from scipy.io import savemat

    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, variables, do_compression=True)


def cell(items: list[object]) -> np.ndarray:
    """A column of a MATLAB cell array."""
    column = np.empty((len(items), 1), object)
    column[:, 0] = items
    return column


def cat2000(root: Path) -> None:
    """Two categories with a picture each, whose fixations are a binary map; and a picture of the test set."""
    for category in ("Action", "Social"):
        picture(root / "trainSet" / "Stimuli" / category / "001.jpg", 1920, 1080)
        locations = np.zeros((1080, 1920), np.uint8)
        locations[[0, 540, 1079], [0, 960, 1919]] = 1
        savemat(root / "trainSet" / "FIXATIONLOCS" / category / "001.mat", {"fixLocs": locations})
    picture(root / "testSet" / "Stimuli" / "Action" / "101.jpg", 1920, 1080)


def figrim(root: Path) -> None:
    """A target that two of three people saw, one of them three times, and a filler that one saw."""
    seen = np.array([[1.0, 1.0], [500.6, 250.2], [1000.0, 1000.0]])
    nobody = {"trial": [], "fixations": [], "SDT": []}
    often = {"trial": 7, "fixations": {"enc": seen, "rec": seen[:1], "rec2": []}, "SDT": [4, 1, 1]}
    once = {"trial": 9, "fixations": {"enc": seen[1:], "rec": [], "rec2": []}, "SDT": [4, 0, 0]}
    for kind, file, people in (
        ("Targets", "targetData/allImages_release.mat", [often, nobody, once]),
        ("Fillers", "fillerData/allImages_fillers.mat", [nobody, nobody, once]),
    ):
        picture(root / kind / "badlands" / f"sun_{kind.lower()}.jpg", 1000, 1000)
        users = np.array([tuple(map(_struct, person.values())) for person in people], [(k, object) for k in nobody])
        path = f"{kind}/badlands/sun_{kind.lower()}.jpg"
        entry = (Path(path).name, "badlands", path, users[None])
        names = ("filename", "category", "impath", "userdata")
        savemat(root / file, {"allImages": np.array([[entry]], [(name, object) for name in names])})


def _struct(value: object) -> object:
    """What MATLAB has in the field of a struct: [] is a 0 x 0 matrix."""
    if isinstance(value, dict):
        return {key: _struct(inner) for key, inner in value.items()}
    return np.empty((0, 0)) if isinstance(value, list) and not value else value


def trial(name: str = "000000000009.jpg", subject: int = 2, **other: Any) -> dict[str, Any]:
    """A target-present trial of COCO-Search18 in the authors' form."""
    return {
        "name": name,
        "subject": subject,
        "task": "bottle",
        "condition": "present",
        "bbox": [377, 0, 288, 213],
        "X": [848.3, 738.5, 520.5],
        "Y": [530.0, 360.3, 45.6],
        "T": [168, 157, 643],
        "length": 3,
        "correct": 1,
        "RT": 920,
        "split": "train",
    } | other


def coco_search18(root: Path) -> None:
    """A picture that two people searched with the thing and one without it, and one to validate on."""
    absent = trial(condition="absent", task="car", correct=0)
    del absent["bbox"], absent["RT"]
    for kind, trials in {
        "TP_train_split1": [trial(), trial(subject=10, correct=0, fixOnTarget=False)],
        "TP_validation_split1": [trial("000000000025.jpg", split="valid")],
        "TA_trainval": [absent],
    }.items():
        (root / f"coco_search18_fixations_{kind}.json").write_text(json.dumps(trials))
    for name in ("000000000009.jpg", "000000000025.jpg"):
        picture(root / "COCOSearch18-images-TP" / "images" / "bottle" / name, 1680, 1050)


def coco_freeview(root: Path) -> None:
    """Two pictures, in the folders of the archives of COCO-Search18, looked at by two people."""
    looked = {"condition": "freeview", "X": [840.0, 412.5, 1200.25], "Y": [525.0, 300.0, 77.5], "T": [182, 240, 431]}
    trials = [
        trial(name, subject, split=split, task=task, **looked)
        for name, task, split in (("000000000009.jpg", "bottle", "train"), ("000000000025.jpg", "car", "valid"))
        for subject in (1, 10)
    ]
    free = [{key: value for key, value in it.items() if key not in ("bbox", "correct", "RT")} for it in trials]
    (root / "COCOFreeView_fixations_trainval.json").write_text(json.dumps(free))
    picture(root / "COCOSearch18-images-TP" / "images" / "bottle" / "000000000009.jpg", 1680, 1050)
    picture(root / "coco_search18_images_TA" / "car" / "000000000025.jpg", 1680, 1050)


def collage(target: str = "target_0.jpg") -> dict[str, Any]:
    """What Amazon.json has of a collage."""
    return {
        "fixations": {"1": [[1289, 770], [875, 755], [2268, 152]], "2": [[1115, 803]], "3": []},
        "ground_truth": [{"xmin": 2184, "ymin": 22, "xmax": 2339, "ymax": 262}],
        "size": {"height": 1600, "width": 2559},
        "target": target,
    }


def amazon(root: Path, entries: dict[str, Any] | None = None) -> None:
    """Two collages, without their pictures; or the given entries."""
    (root / "AmazonCovers").mkdir(exist_ok=True)
    entries = {"1.jpg": collage(), "10.jpg": collage("target_3.jpg")} if entries is None else entries
    (root / "AmazonCovers" / "Amazon.json").write_text(json.dumps(entries))


def table(root: Path) -> None:
    """Our own format with all its files: a picture searched for two things, and one looked at freely."""
    (root / "fixations.csv").write_text(
        "image,subject,index,x,y,duration_ms,start_ms,task,target,target_x,target_y,target_w,target_h,found\n"
        "a/001.png,anna,0,1.5,2,200,310,search,cup,2,3,10,10,1\n"
        "a/001.png,anna,1,30,20.25,136,601,search,cup,2,3,10,10,1\n"
        "a/001.png,anna,0,8,9,136,290,search,book,,,,,0\n"
        "002.png,ben,0,63,47,246,287,free,,,,,,\n"
    )
    (root / "trials.csv").write_text("image,subject,target,memory_set\na/001.png,anna,cup,cup;book\n")
    (root / "splits.json").write_text(json.dumps({"train": ["a/001.png"], "val": [], "test": ["002.png"]}))
    images = [{"id": 1, "file_name": "002.png", "width": 64, "height": 48}]
    annotations = [{"image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4]}]
    objects = {"images": images, "annotations": annotations, "categories": [{"id": 3, "name": "cup"}]}
    (root / "objects.json").write_text(json.dumps(objects))
    picture(root / "images" / "a" / "001.png", 64, 48)


GAZEPOINT = (  # the columns of its export; the names of two hold the moment and the rate
    "MEDIA_ID,MEDIA_NAME,CNT,TIME(2022/04/22 14:22:15.215),TIMETICK(f=10000000),FPOGX,FPOGY,FPOGS,FPOGD,FPOGID,FPOGV,"
    "BPOGX,BPOGY,BPOGV,CX,CY,CS,USER,LPCX,LPCY,LPD,LPS,LPV,RPCX,RPCY,RPD,RPS,RPV,BKID,BKDUR,BKPMIN,LPMM,LPMMV,RPMM,"
    "RPMMV,DIAL,DIALV,GSR,GSRV,HR,HRV,HRP,TTL0,TTL1,TTLV,PIXS,PIXV,AOI,SACCADE_MAG,SACCADE_DIR,VID_FRAME,"
)


def gazepoint(path: Path, *rows: tuple[str, float, float, float, float, int]) -> None:
    """A log of Gazepoint: of each fixation the picture, FPOGX, FPOGY, FPOGS, FPOGD and FPOGV; all else is 0."""
    names = GAZEPOINT.split(",")
    lines = [GAZEPOINT]
    for image, x, y, begin, duration, valid in rows:
        known = {"MEDIA_NAME": image, "FPOGX": f"{x:.5f}", "FPOGY": f"{y:.5f}", "FPOGS": f"{begin:.5f}"}
        known |= {"FPOGD": f"{duration:.5f}", "FPOGV": str(valid), "": ""}
        lines.append(",".join(known.get(name, "0") for name in names))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(line + "\r\n" for line in lines).encode())


def ueyes(root: Path) -> None:
    """A wide and a tall picture, looked at by two people, one of whom also saw a picture that is no stimulus."""
    table = ["Image Name;Category;Block;Train/Test", "2021b7.png;desktop;0;Train", "c27e4e.jpg;mobile;0,00E+00;Test"]
    (root / "image_types.csv").write_bytes("".join(line + "\r\n" for line in table).encode())
    picture(root / "images" / "2021b7.png", 960, 540)
    picture(root / "images" / "c27e4e.jpg", 300, 600)
    wide = [("2021b7.png", 0.48, 0.23, 0.0, 0.0166, 1), ("2021b7.png", 0.5, 0.5, 0.13086, 0.25, 1)]
    tall = [("c27e4e.jpg", 0.5, 0.25, 0.25, 0.2, 1), ("c27e4e.jpg", 0.4, 0.5, 0.6, 0.3, 1)]
    gazepoint(root / "eyetracker_logs" / "00_kh008_fixations.csv", *wide, *tall, ("break.png", 0.1, 0.1, 1, 0.2, 1))
    gazepoint(root / "eyetracker_logs" / "00_KH005_fixations.csv", *tall)


def dhf1k(root: Path) -> None:
    """Three frames of a training video, the last of which nobody looked at, and one of a video to validate on."""
    for video, count in (("0001", 3), ("0601", 1)):
        for frame in range(1, count + 1):
            marked = np.zeros((36, 64), np.uint8)
            marked[[0, 18, 35], [0, 32, 63]] = 255 if frame < 3 else 0
            blurred = cv2.GaussianBlur(marked.astype(float), (0, 0), 3)
            for kind, grey in (("fixation", marked), ("maps", np.uint8(255 * blurred / (blurred.max() or 1)))):
                path = root / "annotation" / video / kind / f"{frame:04d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                assert cv2.imwrite(str(path), grey)
            picture(root / "frames" / video / f"{frame:04d}.jpg", 64, 36)


def eyes(root: Path, names: tuple[str, ...], width: int, height: int) -> None:
    """The layout of OSIE and of Saliency in Crowd: three viewers, one of whom never looked at anything."""
    people: list[object] = [
        {"fix_x": np.array([x]), "fix_y": np.array([y]), "fix_duration": np.array([duration])}
        for x, y, duration in (
            ([1.0, width / 2 + 0.6, width], [1.0, height / 2 + 0.2, height], [200.0, 246.0, 136.0]),
            ([10.0], [20.0], [300.0]),
            ([], [], []),
        )
    ]
    for name in names:
        picture(root / "data" / "stimuli" / name, width, height)
    entries: list[object] = [{"img": name, "subjects": cell(people)} for name in names]
    savemat(root / "data" / "eye" / "fixations.mat", {"fixations": cell(entries)})


def crowd(root: Path) -> None:
    """Two pictures of the same size."""
    eyes(root, ("001.jpg", "002.jpg"), 1024, 768)


def osie(root: Path) -> None:
    """Two pictures of the same size."""
    eyes(root, ("1001.jpg", "1002.jpg"), 800, 600)


def scene(root: Path) -> None:
    """A wide and a tall picture, two viewers: y, x in pixels, start and duration in seconds; an empty trial is [] ."""
    picture(root / "data" / "stimuli" / "001.jpg", 480, 300)
    picture(root / "data" / "stimuli" / "002.jpg", 256, 400)
    wide = np.array([[150.5, 470.25, 0.334, 0.134], [10.0, 20.0, 0.493, 0.367]])
    tall = np.array([[399.5, 3.5, 0.2, 0.25]])
    trials = np.empty((2, 2), object)
    trials[:] = [[wide, np.zeros((0, 0))], [tall, tall]]
    savemat(root / "data" / "tidy" / "fixations.mat", {"fixations": trials})


def workers(*people: tuple[object, object, object]) -> np.ndarray:
    """SALICON's struct array `gaze`, from the location, the timestamp and the fixations of each worker."""
    gaze = np.empty((len(people), 1), [(name, object) for name in ("location", "timestamp", "fixations")])
    for entry, fields in zip(gaze[:, 0], people, strict=True):
        for name, values in zip(gaze.dtype.names, fields, strict=True):
            entry[name] = np.array(values)
    return gaze


def salicon(root: Path) -> None:
    """A picture of each split; three workers, one of whom has no fixation and one neither fixations nor samples."""
    samples = [[1, 1], [300, 200], [302, 201], [640, 480]]
    one = (samples, [[0], [1500], [1510], [3000]], [[1, 1], [301, 200], [640, 480]])
    gaze = workers(one, ([[5, 5], [6, 7]], [[10], [20]], np.zeros((0, 2))), (np.zeros((0, 0)),) * 3)
    for split, name in (("train", "COCO_train2014_000000000009"), ("val", "COCO_val2014_000000000133")):
        picture(root / "images" / split / f"{name}.jpg", 640, 480)
        variables = {"image": name, "resolution": np.array([[480, 640]]), "gaze": gaze}
        savemat(root / "fixations" / split / f"{name}.mat", variables)
    picture(root / "images" / "test" / "COCO_test2014_000000000001.jpg", 640, 480)


def mit1003(root: Path) -> None:
    """Two pictures, one with a long name, and two viewers: the cross, a place, a blink and another place at 240 Hz."""
    names = ("i05june05_static_street_boston_p1010764", "istatic_outdoor_street_city_cambridge_uk_IMG_8854_" + "x" * 20)
    legs = [((512, 384), 40), ((700, 300), 60), ((-300, -300), 30), ((200, 500), 80)]
    places = np.concatenate([np.tile(place, (count, 1)) for place, count in legs]).astype(float)
    trace = np.apply_along_axis(np.convolve, 0, places, np.full(5, 0.2), "valid")  # a saccade takes some samples
    for name in names:
        picture(root / "ALLSTIMULI" / f"{name}.jpeg", 1024, 768)
        for viewer in ("CNG", "hp"):
            recording = {"imgName": f"{name}.jpeg", "DATA": {"eyeData": trace}}
            savemat(root / "DATA" / viewer / f"{name}.mat", {name[:63]: recording})
    for viewer in ("CNG", "hp"):
        savemat(root / "DATA" / viewer / "shuff_stimnames.mat", {"shuff_stimnames": cell(list(names))})


WRITERS: dict[str, Callable[[Path], None]] = {  # by the names of data.datasets.READERS: of the set, or of its module
    name: globals()[name if name in globals() else path.split(":")[0].rpartition(".")[2]]
    for name, path in READERS.items()
}
