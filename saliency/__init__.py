"""Where people look: the tables of models, losses and scores."""

MODELS = {
    "center": "saliency.center:CenterBias",
    "gbvs": "saliency.gbvs:GraphBased",
    "itti": "saliency.itti:IttiKoch",
    "spectral": "saliency.spectral:SpectralResidual",
    "tempsal": "saliency.tempsal:TempSAL",
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
