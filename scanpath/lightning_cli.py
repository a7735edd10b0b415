"""The Lightning command line of scanpath models."""

from pytorch_lightning.cli import LightningArgumentParser

from scanpath.datamodule import SceneData
from scanpath.task import ScanpathTask
from training.lightning_cli import TaskCLI


class ScanpathCLI(TaskCLI):
    """Ties the data's viewing conditions, categories and crops to the model's."""

    task, data, score, best = ScanpathTask, SceneData, "val/choice", "min"

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Links what the data says to what the model is built with."""
        for name in ("conditions", "categories"):
            parser.link_arguments(f"data.{name}", f"model.network.init_args.{name}", apply_on="instantiate")
        parser.link_arguments("data.features", "model.network.init_args.features", apply_on="instantiate")
        parser.link_arguments("data.fingerprint", "model.network.init_args.saliency", apply_on="instantiate")
        for name in ("appearance", "crop"):
            parser.link_arguments(f"data.{name}", f"model.network.init_args.{name}")
