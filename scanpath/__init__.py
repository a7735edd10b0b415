"""In which order people look, object by object, and for how long: the tables of models and scores."""

MODELS = {
    "oat": "scanpath.models.oat:OAT",
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
