"""A third task, as another package would bring it: one map for every picture, learned from where people looked.

constant     the only model: a log density on a coarse grid, whatever the picture
"""

from training import Model, Task

TASK = Task(
    name="constant",
    question="where people look, whatever the picture",
    package="tests.toy_task",
    default_models=("still",),
    lightning_cli="saliency.lightning_cli:SaliencyCLI",
    export="tests.toy_task.parts:export_network",
    predictor="tests.toy_task.parts:ConstantPredictor",
    job="tests.toy_task.parts:job",
    evaluation="tests.toy_task.parts:evaluate",
)

MODELS = {"constant": Model("tests.toy_task.constant:Constant")}
