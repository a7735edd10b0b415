"""What a person in a picture looks at: the task, and the tables of its models and scores."""

from training import Model, Task

TASK = Task(
    name="following",
    question="what a person in the picture looks at",
    package="following",
    default_models=("cone",),
    lightning_cli="following.lightning_cli:FollowingCLI",
    export="export.following_onnx:export_network",
    predictor="export.runtime.heads.following:FollowingPredictor",
    job="app.predict.following:job",
    evaluation="app.cli.evaluate:following",
    options=("opacity", "head", "head_pose", "detector"),
)

MODELS = {
    "vitgaze": Model("following.models.vitgaze:ViTGaze", ships=False),
    "cone": Model("following.baselines.cone:cone", trainable=False),
}

METRICS = {
    "auc": "following.metrics:auc",
    "auc_cells": "following.metrics:auc_cells",
    "average_distance": "following.metrics:average_distance",
    "minimum_distance": "following.metrics:minimum_distance",
    "average_precision": "following.metrics:average_precision",
}
