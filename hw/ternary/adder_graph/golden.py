# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the adder graph: a matrix product in int64, which knows nothing of graphs."""

from gatewright.hw.core.ports import Beats
from gatewright.hw.ternary.adder_graph.config import AdderGraphConfig


def golden(config: AdderGraphConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give ``weights @ x`` for every vector."""
    i = inputs["i"]
    return {"o": {"y": i["x"] @ config.matrix.T, "last": i["last"]}}
