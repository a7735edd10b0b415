"""The Lightning command line of models that follow gaze."""

from pytorch_lightning.cli import LightningArgumentParser

from following.datamodule import PeopleData
from following.task import FollowingTask
from training.lightning_cli import TaskCLI


class FollowingCLI(TaskCLI):
    """Ties the data's canvas to the model's."""

    task, data, score, best = FollowingTask, PeopleData, "val/distance", "min"

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Links what the data says to what the model is built with."""
        parser.link_arguments("data.canvas", "model.network.init_args.canvas")
        parser.link_arguments("data.stride", "model.stride")
