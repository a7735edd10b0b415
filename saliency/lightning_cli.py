"""The Lightning command line of saliency models."""

from pytorch_lightning.cli import LightningArgumentParser

from saliency.datamodule import GazeData
from saliency.task import SaliencyTask
from training.lightning_cli import TaskCLI


class SaliencyCLI(TaskCLI):
    """Ties the data's viewing conditions to the model's."""

    task, data, score, best = SaliencyTask, GazeData, "val/cc", "max"

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Links what the data says to what the model is built with."""
        parser.link_arguments("data.conditions", "model.network.init_args.conditions", apply_on="instantiate")
        parser.link_arguments("data.kinds", "model.network.init_args.kinds", apply_on="instantiate")
        parser.link_arguments("data.canvas", "model.network.init_args.canvas")
        parser.link_arguments("data.slices", "model.network.init_args.slices")
        parser.link_arguments("data.stride", "model.stride")
