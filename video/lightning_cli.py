"""The Lightning command line of video models."""

from pytorch_lightning.cli import LightningArgumentParser

from training.lightning_cli import TaskCLI
from video.datamodule import ClipData
from video.task import VideoTask


class VideoCLI(TaskCLI):
    """Ties the data's viewing conditions and its still network to the model's."""

    task, data, score, best = VideoTask, ClipData, "val/nss", "max"

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Links what the data says to what the model is built with."""
        network = "model.network.init_args"
        parser.link_arguments("data.network_conditions", f"{network}.conditions", apply_on="instantiate")
        parser.link_arguments("data.still_arguments", f"{network}.still", apply_on="instantiate")
        parser.link_arguments("data.canvas", f"{network}.canvas")
        parser.link_arguments("data.still", "model.still")
        parser.link_arguments("data.stride", "model.stride")
