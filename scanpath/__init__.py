"""In which order people look, object by object, and for how long: the task, and the tables of models and scores."""

from training import Model, Task

TASK = Task(
    name="scanpath",
    question="in which order people look, and for how long",
    package="scanpath",
    default_models=("oat-free", "oat-search"),
    lightning_cli="scanpath.lightning_cli:ScanpathCLI",
    export="export.scanpath_onnx:export_network",
    forms="export.forms.scanpath:ScanpathExporter",
    predictor="export.runtime.scanpath:ScanpathPredictor",
    job="app.predict.scanpath:job",
    evaluation="app.cli.evaluate:scanpath",
    options=("objects", "detector", "target", "observers", "temperature", "seed", "limit", "degrees"),
)

MODELS = {
    "chance": Model("scanpath.baselines.chance:Chance", trainable=False),
    "eccnet": Model("scanpath.models.eccnet:EccNet", trainable=False, export="export.search_onnx:export_network"),
    "oat": Model("scanpath.models.oat:OAT"),
    "winner_take_all": Model("scanpath.baselines.winner_take_all:Walk", trainable=False),
}

METRICS = {
    "sequence_score": "scanpath.metrics.sequence:sequence_score",
    "edit_distance": "scanpath.metrics.sequence:edit_distance",
    "multimatch": "scanpath.metrics.multimatch:multimatch",
    "scanmatch": "scanpath.metrics.scanmatch:scanmatch",
    "dtw": "scanpath.metrics.sequence:dtw",
    "tde": "scanpath.metrics.sequence:tde",
    "stde": "scanpath.metrics.sequence:stde",
    "eyenalysis": "scanpath.metrics.sequence:eyenalysis",
    "recurrence": "scanpath.metrics.sequence:recurrence",
    "spread": "scanpath.metrics.sequence:spread",
    "recall": "scanpath.metrics.sequence:recall",
    "bits": "scanpath.metrics.sequence:bits",
    "information_gain": "scanpath.metrics.sequence:information_gain",
    "delta": "scanpath.metrics.behaviour:delta",
    "delta_by_trial": "scanpath.metrics.behaviour:delta_by_trial",
    "tfp": "scanpath.metrics.behaviour:tfp",
    "mismatch": "scanpath.metrics.behaviour:mismatch",
    "scanpath_ratio": "scanpath.metrics.behaviour:scanpath_ratio",
}
