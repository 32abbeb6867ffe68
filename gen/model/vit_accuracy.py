# SPDX-License-Identifier: BSD-2-Clause
"""What integers cost a vision transformer: the same model file in real numbers and as the integer graph."""

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from gatewright.gen.model.accuracy import Accuracy
from gatewright.gen.model.import_vit import quantise, read_vit
from gatewright.gen.model.vit_float import float_logits
from gatewright.gen.model.vit_golden import find_task, run


def measure(path: Path | str, images: ArrayLike, labels: ArrayLike, task: int | str = 0) -> Accuracy:
    """Compare real and integer results of a model file on labelled images, for one task.

    The distance between logits is in units of the integer ones.
    """
    config, tensors = read_vit(path)
    graph = quantise(config, tensors)
    task = find_task(graph, task)
    real = float_logits(config, tensors, images, task) / graph.heads[task].step
    trace, truth = run(graph, images, task), np.asarray(labels)
    by_float = real.argmax(axis=1)
    return Accuracy(
        items=len(truth),
        float_correct=int(np.count_nonzero(by_float == truth)),
        integer_correct=int(np.count_nonzero(trace.classes == truth)),
        agree=int(np.count_nonzero(by_float == trace.classes)),
        largest_difference=int(np.rint(np.abs(real - trace.logits).max(initial=0))),
        reference="the model file in float",
    )
