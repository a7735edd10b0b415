"""The public data sets that gaze reads: what each is, whether it may be used commercially, and where to get it.

None, and "unknown" where it is shown, is what the authors do not say where we looked, or what sources tell differently;
"unclear" is a licence that is not stated. A checksum is the authors' or the archive's own, or the one that pysaliency
(https://github.com/matthias-k/pysaliency) checks its downloads with; what GitHub packs has none. This is no legal
advice: read the terms at the address before use.
"""

from dataclasses import dataclass
from typing import Literal

GITHUB = "https://github.com/{}/archive/{}.zip"
JUDD = "http://people.csail.mit.edu/tjudd/WherePeopleLook/"


@dataclass(frozen=True)
class File:
    """A file of a data set that anybody may download."""

    url: str
    folder: str = ""  # where in the data set it goes, or is unpacked to when it is a .zip
    lone: bool = False  # whether a single folder around everything in a .zip is left out
    md5: str = ""  # "" where none is published

    @property
    def name(self) -> str:
        """What the file is called while it is kept.

        >>> File("https://example.org/a/set.zip?download=1").name
        'set.zip'
        """
        parts = self.url.split("?")[0].split("/")
        return parts[-2] if parts[-1] == "content" else parts[-1]


@dataclass(frozen=True)
class Published:
    """One public data set."""

    title: str
    what: str
    reader: str  # its name in data.datasets.READERS
    licence: str
    commercial: Literal["yes", "no", "unclear"]
    url: str
    citation: str
    pictures: int | None = None
    people: int | None = None
    seconds: float | None = None  # of viewing
    size: float | None = None  # megabytes to download
    files: tuple[File, ...] = ()  # () where it cannot be downloaded without a person
    access: str = ""  # how a person gets it, after the address


PUBLISHED = {
    "salicon": Published(
        title="SALICON 2017",
        what="COCO photographs explored with the mouse through a blurred view; 15,000 of them have fixations",
        reader="salicon",
        pictures=20_000,
        seconds=5,
        licence="unknown; the photographs are those of MS COCO",
        commercial="unclear",
        url="http://salicon.net/challenge-2017/",
        citation="Jiang, Huang, Duan, Zhao 2015, SALICON: Saliency in Context, CVPR",
        access="download the images and the fixations from Google Drive, to which that page links",
    ),
    "salicon2015": Published(
        title="SALICON 2015",
        what="the same photographs and mouse traces, with the fixations of the first challenge",
        reader="salicon",
        pictures=20_000,
        seconds=5,
        licence="unknown; the photographs are those of MS COCO",
        commercial="unclear",
        url="http://salicon.net/challenge-2015/",
        citation="Jiang, Huang, Duan, Zhao 2015, SALICON: Saliency in Context, CVPR",
        access="download the images and the fixations from Google Drive, to which that page links",
    ),
    "mit1003": Published(
        title="MIT1003",
        what="photographs from Flickr and LabelMe, free viewing",
        reader="mit1003",
        pictures=1003,
        people=15,
        seconds=3,
        licence="unknown",
        commercial="unclear",
        url="https://people.csail.mit.edu/tjudd/WherePeopleLook/",
        citation="Judd, Ehinger, Durand, Torralba 2009, Learning to Predict Where Humans Look, ICCV",
        files=(
            File(JUDD + "ALLSTIMULI.zip", md5="0d7df8b954ecba69b6796e77b9afe4b6"),
            File(JUDD + "DATA.zip", md5="ea19d74ad0a0144428c53e9d75c2d71c"),
        ),
    ),
    "cat2000": Published(
        title="CAT2000",
        what="200 pictures of each of 20 kinds, free viewing; only the training half has fixations, read without order",
        reader="cat2000",
        pictures=4000,
        people=120,
        seconds=5,
        licence="unknown",
        commercial="unclear",
        url="http://saliency.mit.edu/results_cat2000.html",
        citation="Borji, Itti 2015, CAT2000: A Large Scale Fixation Dataset, https://arxiv.org/abs/1505.03581",
        files=(File("http://saliency.mit.edu/trainSet.zip", md5="56ad5c77e6c8f72ed9ef2901628d6e48"),),
    ),
    "osie": Published(
        title="OSIE",
        what="photographs with several objects each, free viewing",
        reader="osie",
        pictures=700,
        people=15,
        seconds=3,
        licence="MIT",
        commercial="yes",
        url="https://github.com/NUS-VIP/predicting-human-gaze-beyond-pixels",
        citation="Xu, Jiang, Wang, Kankanhalli, Zhao 2014, Predicting Human Gaze Beyond Pixels, Journal of Vision",
        files=(File(GITHUB.format("NUS-VIP/predicting-human-gaze-beyond-pixels", "4a467890"), lone=True),),
    ),
    "scene": Published(
        title="Scene",
        what="SUN photographs of places, free viewing; onsets are recorded",
        reader="scene",
        pictures=500,
        people=12,
        seconds=3,
        licence="MIT",
        commercial="yes",
        url="https://github.com/Yanakz/Scene",
        citation="Liang, Jiang, Liang, Zhao 2015, Saliency Prediction with Scene Structural Guidance, SMC",
        files=(File(GITHUB.format("Yanakz/Scene", "2cf042b0"), lone=True),),
    ),
    "crowd": Published(
        title="Crowd",
        what="photographs of crowds with labelled faces, free viewing; the people in them can be recognised",
        reader="crowd",
        pictures=500,
        people=16,
        seconds=5,
        licence="MIT",
        commercial="yes",
        url="https://github.com/NUS-VIP/saliency-in-crowd",
        citation="Jiang, Xu, Zhao 2014, Saliency in Crowd, ECCV",
        files=(File(GITHUB.format("NUS-VIP/saliency-in-crowd", "8bb04162"), lone=True),),
    ),
    "figrim": Published(
        title="FIGRIM",
        what="630 target scenes and fillers, more than 2,700 in all, looked at to be remembered",
        reader="figrim",
        licence="unknown; the photographs are those of SUN",
        commercial="unclear",
        url="http://figrim.mit.edu/index_eyetracking.html",
        citation="Bylinskii et al. 2015, Intrinsic and Extrinsic Effects on Image Memorability, Vision Research",
        files=(
            File("http://figrim.mit.edu/Targets.zip", md5="2ad3a42ebc377efe4b39064405568201"),
            File("http://figrim.mit.edu/Fillers.zip", md5="dc0bc9561b5bc90e158ec32074dd1060"),
            File(
                "https://github.com/cvzoya/figrim/raw/master/targetData/allImages_release.mat",
                "targetData",
                md5="c72843b05e95ab27594c1d11c849c897",
            ),
            File(
                "https://github.com/cvzoya/figrim/raw/master/fillerData/allImages_fillers.mat",
                "fillerData",
                md5="ce4f8b4961005d62f7a21191a64cab5e",
            ),
        ),
    ),
    "coco_search18": Published(
        title="COCO-Search18",
        what="COCO photographs searched for one of 18 kinds of objects, half of them without it",
        reader="coco_search18",
        pictures=6202,
        people=10,
        licence="unknown; the photographs are those of MS COCO",
        commercial="unclear",
        url="https://sites.google.com/view/cocosearch/home",
        citation="Chen, Yang, Ahn, Samaras, Hoai, Zelinsky 2021, COCO-Search18 Fixation Dataset, Scientific Reports",
        access="follow the links of that page to the images and the fixations",
    ),
    "coco_freeview": Published(
        title="COCO-FreeView",
        what="photographs of COCO-Search18, most of the 6,202, free viewing",
        reader="coco_freeview",
        people=10,
        licence="unknown; the photographs are those of MS COCO",
        commercial="unclear",
        url="https://sites.google.com/view/cocosearch/coco-freeview",
        citation="Chen et al. 2022, Characterizing Target-Absent Human Attention, CVPR Workshops",
        access="follow the links of that page to the fixations, and of COCO-Search18 to the images",
    ),
    "amazon": Published(
        title="Amazon book covers (STI-Dataset)",
        what="collages of 84 book covers, searched for one of five; their pictures are on the authors' own server",
        reader="amazon",
        pictures=100,
        people=6,
        licence="CC BY-NC-SA 4.0",
        commercial="no",
        url="https://github.com/DFKI-Interactive-Machine-Learning/STI-Dataset",
        citation="Sattar, Mueller, Fritz, Bulling 2015, Prediction of Search Targets From Fixations, CVPR; "
        "Stauden, Barz, Sonntag 2018, KI",
        files=(
            File(
                GITHUB.format(
                    "DFKI-Interactive-Machine-Learning/STI-Dataset", "60d27471bf1a2188dff244058503df0b8bddd79b"
                ),
                lone=True,
            ),
        ),
    ),
    "ueyes": Published(
        title="UEyes",
        what="screenshots of web pages, desktop and mobile programs, and posters",
        reader="ueyes",
        pictures=1980,
        people=62,
        seconds=7,
        size=12_913,
        licence="CC BY 4.0",
        commercial="yes",
        url="https://zenodo.org/records/8010312",
        citation="Jiang et al. 2023, UEyes: Understanding Visual Saliency across User Interface Types, CHI",
        files=(
            File(
                "https://zenodo.org/api/records/8010312/files/UEyes_dataset.zip/content",
                lone=True,
                md5="c2d53e6af0a47e1f459416d6839ec2c1",
            ),
        ),
    ),
    "dhf1k": Published(
        title="DHF1K",
        what="videos of daily life and sports, free viewing; of 300 of the 1,000 the fixations are held back",
        reader="dhf1k",
        pictures=1000,
        people=17,
        licence="unknown",
        commercial="unclear",
        url="https://github.com/wenguanwang/DHF1K",
        citation="Wang, Shen, Guo, Cheng, Borji 2018, Revisiting Video Saliency, CVPR",
        access="download it from Google Drive, to which that page links",
    ),
}
