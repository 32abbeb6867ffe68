# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the join."""

import numpy as np

from gatewright.hw.core.ports import Beats, beat_count
from gatewright.hw.dataflow.join.config import JoinConfig


def golden(config: JoinConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Pair the k-th beats; beats without partners on every other input stay outside."""
    streams = [inputs[f"i_{k}"] for k in range(len(config.widths))]
    size = min(beat_count(beats) for beats in streams)
    out = {f"data_{k}": beats["data"][:size] for k, beats in enumerate(streams)}
    last = np.any([beats["last"][:size] for beats in streams], axis=0)
    return {"o": out | {"last": last.astype(np.int64)}}
