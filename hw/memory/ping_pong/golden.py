# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the ping-pong store."""

import numpy as np

from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.memory.ping_pong.config import PingPongConfig


def golden(config: PingPongConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give every packet once; with ``replay``, one per command while packets last."""
    words = inputs["i"]
    spans = packets(words)
    order = spans
    if config.replay:
        order = []
        at = 0
        for keep in inputs["i_play"]["keep"].tolist():
            if at == len(spans):
                break
            order.append(spans[at])
            fits = spans[at].stop - spans[at].start <= config.depth
            at += not (keep and fits)
    picks = np.concatenate([np.arange(span.start, span.stop) for span in order] or [np.zeros(0, np.int64)])
    return {"o": {name: column[picks] for name, column in words.items()}}
