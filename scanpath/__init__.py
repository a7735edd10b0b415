"""In which order people look, object by object, and for how long: the tables of models and scores."""

MODELS = {
    "oat": "scanpath.oat:OAT",
}

METRICS = {
    "sequence_score": "scanpath.metrics:sequence_score",
    "edit_distance": "scanpath.metrics:edit_distance",
    "multimatch": "scanpath.multimatch:multimatch",
    "scanmatch": "scanpath.scanmatch:scanmatch",
    "dtw": "scanpath.metrics:dtw",
    "tde": "scanpath.metrics:tde",
    "stde": "scanpath.metrics:stde",
    "eyenalysis": "scanpath.metrics:eyenalysis",
    "recurrence": "scanpath.metrics:recurrence",
    "spread": "scanpath.metrics:spread",
    "recall": "scanpath.metrics:recall",
    "bits": "scanpath.metrics:bits",
    "information_gain": "scanpath.metrics:information_gain",
    "delta": "scanpath.behaviour:delta",
    "delta_by_trial": "scanpath.behaviour:delta_by_trial",
    "tfp": "scanpath.behaviour:tfp",
    "mismatch": "scanpath.behaviour:mismatch",
    "scanpath_ratio": "scanpath.behaviour:scanpath_ratio",
}
