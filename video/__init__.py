"""Where people look in a video: the task, and the tables of its models and scores."""

from training import Model, Task

TASK = Task(
    name="video",
    question="where people look in a video",
    package="video",
    default_models=("tempsal-video",),
    lightning_cli="video.lightning_cli:VideoCLI",
    export="export.video_onnx:export_network",
    predictor="export.runtime.video:VideoPredictor",
    job="app.predict.video:job_of_task",
    evaluation="app.cli.evaluate:video",
    options=("opacity", "palette", "every", "range", "regions"),
)

MODELS = {
    "tempsal_video": Model("video.models.tempsal_video:TempSALVideo"),
    "fblnet": Model("video.models.fblnet:FBLNet", ships=False),
}

METRICS = {
    "auc_judd": "video.metrics:auc_judd",
    "cc": "video.metrics:cc",
    "sim": "video.metrics:sim",
    "nss": "video.metrics:nss",
    "kl": "saliency.metrics:kl",
}
