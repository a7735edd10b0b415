"""Where people look: the task, and the tables of its models, losses and scores."""

from training import Model, Task

TASK = Task(
    name="saliency",
    question="where people look",
    package="saliency",
    default_models=("tempsal",),
    lightning_cli="saliency.lightning_cli:SaliencyCLI",
    export="export.onnx:export_network",
    forms="export.forms.saliency:SaliencyExporter",
    predictor="export.runtime.saliency:Predictor",
    job="app.predict.saliency:job",
    distributed="app.predict.distributed.job:job",
    evaluation="app.cli.evaluate:saliency",
    options=("opacity", "palette", "every", "range", "regions"),
)

MODELS = {
    "tempsal": Model("saliency.models.tempsal:TempSAL"),
    "msinet": Model("saliency.models.msinet:MSINet"),
    "juntingnet": Model("saliency.models.juntingnet:JuntingNet", ships=False),
    "center_bias": Model("saliency.models.center_bias:CenterBias"),
    "spectral_residual": Model("saliency.models.spectral_residual:SpectralResidual", trainable=False),
    "itti_koch": Model("saliency.models.itti_koch:IttiKoch", trainable=False),
    "gbvs": Model("saliency.models.gbvs:GraphBased", trainable=False),
}

OLD_KEYS = {"center": "center_bias", "itti": "itti_koch", "spectral": "spectral_residual"}  # of gaze 0.2 and before

LOSSES = {
    "kl": "saliency.losses:kl",
    "cc": "saliency.losses:cc",
    "nss": "saliency.losses:nss",
    "sim": "saliency.losses:sim",
    "euclidean": "saliency.losses:euclidean",
}

METRICS = {
    "auc_judd": "saliency.metrics:auc_judd",
    "sauc": "saliency.metrics:sauc",
    "nss": "saliency.metrics:nss",
    "cc": "saliency.metrics:cc",
    "sim": "saliency.metrics:sim",
    "kl": "saliency.metrics:kl",
    "ig": "saliency.metrics:ig",
}
