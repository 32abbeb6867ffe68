# SPDX-License-Identifier: BSD-2-Clause
"""Which rooms have a kernel."""

from importlib import import_module
from typing import Any

from gatewright.hls_kernels.kernel import Kernel, Recipe
from gatewright.hw.core.errors import ConfigError

# Room to module.
MODULES = {
    "activation": "activation",
    "adder_tree": "mac_array",
    "argmax": "argmax",
    "broadcast": "mac_array",
    "cube": "mac_array",
    "gated": "gated",
    "kv_attention": "kv_attention",
    "moe_gate": "moe_gate",
    "norm": "norm",
    "requantise": "requantise",
    "rope": "rope",
    "softmax": "softmax",
    "ternary_matvec": "ternary_matvec",
}


def recipe_of(room: str) -> Recipe:
    """Find a room's kernel.

    Raises
    ------
    ConfigError
        If it has none; the line lists those that do.
    """
    if room not in MODULES:
        raise ConfigError(f"room {room} has no HLS kernel; rooms that do are {', '.join(MODULES)}")
    found: Recipe = import_module(f"gatewright.hls_kernels.{MODULES[room]}").RECIPE
    return found


def kernel_of(config: Any) -> Kernel:
    """Write the kernel of a room's config."""
    return recipe_of(config.room).make(config)
