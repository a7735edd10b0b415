"""Where people look: the tables of models, losses and scores."""

MODELS = {
    "center": "saliency.models.center_bias:CenterBias",
    "gbvs": "saliency.models.gbvs:GraphBased",
    "itti": "saliency.models.itti_koch:IttiKoch",
    "spectral": "saliency.models.spectral_residual:SpectralResidual",
    "tempsal": "saliency.models.tempsal:TempSAL",
}

LOSSES = {
    "kl": "saliency.losses:kl",
    "cc": "saliency.losses:cc",
    "nss": "saliency.losses:nss",
    "sim": "saliency.losses:sim",
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
