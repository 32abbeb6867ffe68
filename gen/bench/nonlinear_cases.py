# SPDX-License-Identifier: BSD-2-Clause
"""What ``bench nonlinear`` measures: one line per variant of a room."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gatewright.gen.bench import nonlinear_accuracy as accuracy
from gatewright.gen.bench.accuracy import Accuracy
from gatewright.gen.flow.synth import SynthOptions
from gatewright.hw.core.errors import ConfigError

SUBJECTS: Mapping[str, str] = {
    "exp": "exp",
    "function": "Elementary functions",
    "softmax": "Softmax",
    "gelu": "GELU",
    "activation": "Other activations and gated units",
    "norm": "Norms",
    "quantise": "Dynamic quantisation",
}
ROW = 64  # elements of the row whose latency is told
LEAN = SynthOptions(wide_luts=False)
PLAIN = SynthOptions()


@dataclass(frozen=True, kw_only=True)
class Case:
    """One design to measure.

    Attributes
    ----------
    accuracy : callable
        From the config to its errors.
    options : SynthOptions
        Flags on ECP5; iCE40 gets its own defaults.
    small : mapping
        What is changed for iCE40, where the design would not fit.
    """

    subject: str
    title: str
    room: str
    parameters: Mapping[str, Any]
    accuracy: Callable[[Any], Accuracy | None]
    options: SynthOptions = PLAIN
    small: Mapping[str, Any] = field(default_factory=dict)

    def latency(self, config: Any) -> int:
        """Count cycles from the first beat of a row in to the first beat out; of any beat where there are no rows."""
        last = np.zeros(ROW // config.lanes, np.int64)
        last[-1] = 1
        beats = {
            port.name: {field.name: np.zeros((len(last), *field.shape), np.int64) for field in port.fields}
            | {"last": last}
            for port in config.inputs
        }
        return config.delay(beats)


def cases(*subjects: str) -> list[Case]:
    """List the variants, by subject; all without names.

    Raises
    ------
    ConfigError
        If a subject is unknown.
    """
    for subject in subjects:
        if subject not in SUBJECTS:
            raise ConfigError(f"subject must be one of {', '.join(SUBJECTS)}, not {subject!r}")
    return [case for case in ALL if not subjects or case.subject in subjects]


def _function(subject: str, title: str, options: SynthOptions = PLAIN, **parameters: Any) -> Case:
    return Case(
        subject=subject, title=title, room="function", parameters=parameters, accuracy=accuracy.function,
        options=options,
    )  # fmt: skip


def _exp(title: str, bits: int, **more: Any) -> Case:
    return _function(
        "exp", title, function="exp", argument="negative", in_bits=bits, in_fraction=bits - 4, out_bits=bits,
        out_fraction=bits, **more,
    )  # fmt: skip


def _activation(subject: str, title: str, **parameters: Any) -> Case:
    return Case(
        subject=subject, title=title, room="activation", parameters=parameters, accuracy=accuracy.activation,
        options=LEAN,
    )  # fmt: skip


def _gated(title: str, **parameters: Any) -> Case:
    return Case(
        subject="activation", title=title, room="gated", parameters=parameters, accuracy=accuracy.gated, options=LEAN
    )


def _softmax(algorithm: str) -> Case:
    parameters = {"algorithm": algorithm, "lanes": 4, "score_bits": 8, "scale": 1, "scale_fraction": 3, "row_max": 64}
    return Case(
        subject="softmax", title=f"{algorithm}, 4 lanes", room="softmax", parameters=parameters,
        accuracy=accuracy.softmax({"row_max": 1024}), small={"lanes": 1},
    )  # fmt: skip


def _norm(title: str, **parameters: Any) -> Case:
    return Case(
        subject="norm", title=title, room="norm", parameters=parameters, accuracy=accuracy.norm, small={"lanes": 1}
    )


FINE: dict[str, Any] = {"in_bits": 16, "in_fraction": 12, "out_bits": 18, "out_fraction": 14, "method": "polynomial"}
AS_EXACT = FINE | {"max_error_milli_lsb": 1590}
TEN = {"in_bits": 10, "in_fraction": 6, "out_bits": 10, "out_fraction": 6}
WORD = {"in_bits": 26, "in_fraction": 22, "out_bits": 26, "out_fraction": 22}

ALL: tuple[Case, ...] = (
    _exp("exp, 16 bits, auto: product of two tables", 16),
    _exp("exp, 16 bits, linear, tables in block RAM", 16, structure="word", kernel="linear", storage="memory"),
    _exp("exp, 14 bits, auto", 14),
    _exp("exp, 12 bits, auto", 12),
    _exp("exp, 10 bits, auto", 10),
    _exp("exp, 8 bits, auto: one table", 8),
    _function("function", "exp2 of negatives", function="exp2", argument="negative", out_fraction=16),
    _function("function", "reciprocal", function="reciprocal"),
    _function("function", "rsqrt", function="rsqrt"),
    _function("function", "log2", function="log2", out_fraction=11),
    _function("function", "sigmoid", function="sigmoid", out_fraction=16),
    _function("function", "tanh", function="tanh", out_fraction=15),
    *(_softmax(algorithm) for algorithm in ("exact", "online", "two_pass", "fixed_phi", "base2")),
    _activation("gelu", "int8, table", method="table"),
    _activation("gelu", "int8, half a table", method="symmetry"),
    _activation("gelu", "int10, half a table", method="symmetry", **TEN),
    _activation("gelu", "16 bits, auto, as exact as Edge-MoE", **AS_EXACT),
    _activation("gelu", "16 bits, quadratic, as exact as Edge-MoE", **AS_EXACT, degree="quadratic"),
    _activation("gelu", "16 bits, auto, 1 LSB of 2^-14", **FINE, max_error_milli_lsb=1000),
    _activation("gelu", "Edge-MoE's table, rebuilt", method="edge_moe", **WORD),
    _activation("activation", "gelu_tanh, int8", function="gelu_tanh"),
    _activation("activation", "silu, int8", function="silu"),
    _activation("activation", "sigmoid, int8", function="sigmoid", out_signed=False, out_fraction=8),
    _activation("activation", "tanh, int8", function="tanh", in_fraction=5, out_fraction=7),
    _activation("activation", "relu2, int8", function="relu2"),
    _activation("activation", "silu, 16 bits, polynomial", function="silu", **FINE),
    _gated("SwiGLU, int8", function="silu"),
    _gated("GeGLU, int8", function="gelu"),
    _norm("RMSNorm, 64, 4 lanes, int8", kind="rms", elements=64, lanes=4),
    _norm("RMSNorm, 768, 4 lanes, int8", kind="rms", elements=768, lanes=4),
    _norm("LayerNorm, 64, 4 lanes, int8", kind="layer", elements=64, lanes=4),
    _norm("LayerNorm, 768, 4 lanes, int8", kind="layer", elements=768, lanes=4),
    _norm("RMSNorm, 64, 4 lanes, int8, dynamic output", kind="rms", elements=64, lanes=4, output="dynamic"),
    _norm("LayerNorm, 64, 4 lanes, int8, dynamic output", kind="layer", elements=64, lanes=4, output="dynamic"),
    Case(
        subject="quantise", title="dequantise, 4 lanes, 32 to 16 bits", room="dequantise", parameters={"lanes": 4},
        accuracy=accuracy.dequantise, small={"lanes": 1},
    ),
    Case(
        subject="quantise", title="quantise_rows, 4 lanes, 16 to 8 bits", room="quantise_rows",
        parameters={"lanes": 4, "in_bits": 16, "out_bits": 8, "row_max": 64}, accuracy=accuracy.quantise_rows,
    ),
    Case(
        subject="quantise", title="quantise_rows by reciprocal, 4 lanes, 16 to 8 bits", room="quantise_rows",
        parameters={"lanes": 4, "in_bits": 16, "out_bits": 8, "row_max": 64, "engine": "reciprocal"},
        accuracy=accuracy.quantise_rows, small={"lanes": 1},
    ),
)  # fmt: skip
