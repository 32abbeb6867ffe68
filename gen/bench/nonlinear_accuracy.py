# SPDX-License-Identifier: BSD-2-Clause
"""Errors of our nonlinear rooms: their golden models on all codes or on many rows, against float64.

Each function takes a room's config. Beats go through the golden model's own entry, as they go through
the hardware.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from gatewright.gen.bench.accuracy import Accuracy, Reals, RowAccuracy, compare, compare_rows
from gatewright.gen.bench.reference import FUNCTIONS
from gatewright.gen.registry import find_room
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, StreamPort

MOST_CODES = 1 << 16  # evaluated one by one; of wider inputs as many, evenly spread


def run(config: Any, columns: Mapping[str, Ints], last: Ints | None = None) -> dict[str, Beats]:
    """Feed beats to the golden model of a config's room.

    Parameters
    ----------
    columns : mapping
        Field name to values ``(beats, *shape)``; fields that are left out hold 0.
    last : array of int, optional
        Marks the final beat of each packet; all beats are one packet if not given.
    """
    count = len(next(iter(columns.values())))
    if last is None:
        last = np.zeros(count, np.int64)
        last[-1] = 1
    inputs = {port.name: _beats(port, columns, last) for port in config.inputs}
    return import_module(f"{find_room(config.room).path}.golden").golden(config, inputs)


def _beats(port: StreamPort, columns: Mapping[str, Ints], last: Ints) -> Beats:
    beats = {field.name: np.zeros((len(last), *field.shape), np.int64) for field in port.fields}
    for name in beats.keys() & columns.keys():
        beats[name][:] = columns[name]
    if port.packet:
        beats["last"][:] = last
    return beats


def elements(config: Any, output: str, **inputs: Ints) -> Ints:
    """Feed elements ``(count,)``, as many a beat as there are lanes; give an output field, flat again."""
    lanes, count = config.lanes, len(next(iter(inputs.values())))
    padded = {name: np.resize(values, (-(-count // lanes), lanes)) for name, values in inputs.items()}
    return run(config, padded)["o"][output].ravel()[:count]


def codes_of(bits: int, signed: bool) -> Ints:
    """Give all codes, or `MOST_CODES` of them evenly spread, both ends included."""
    low = -(1 << (bits - 1)) if signed else 0
    high = low + (1 << bits) - 1
    if high - low < MOST_CODES:
        return np.arange(low, high + 1)
    return np.unique(np.linspace(low, high, MOST_CODES).astype(np.int64))


def _told(codes: Ints, bits: int) -> str:
    return f"all {len(codes):,} codes" if len(codes) == 1 << bits else f"{len(codes):,} codes"


def function(config: Any) -> Accuracy:
    """Compare an elementary function, clamped to what the output holds."""
    codes = codes_of(config.in_bits, config.sign == "signed")
    x = codes / 2.0**config.in_fraction * (-1 if config.sign == "negative" else 1)
    lsb = 2.0**-config.out_fraction
    field = config.outputs[0].field("y")
    with np.errstate(divide="ignore", over="ignore"):
        true = np.clip(FUNCTIONS[config.function](x), field.low * lsb, field.high * lsb)
    return compare(
        elements(config, "y", x=codes) * lsb, true, lsb, _told(codes, config.in_bits),
        bound_lsb=config.certified_ulp, table_bits=config.table_bits,
    )  # fmt: skip


def activation(config: Any) -> Accuracy:
    """Compare an activation, clamped to what the output holds."""
    codes = codes_of(config.in_bits, True)
    if config.method == "edge_moe":
        codes = np.arange(-8 << 22, 8 << 22, 1 << 10)
    x = (codes - config.in_zero) * config.in_scale / 2.0**config.in_fraction
    lsb = config.out_scale / 2.0**config.out_fraction
    zero = config.out_zero
    true = np.clip(FUNCTIONS[config.function](x) / lsb, config.code_low - zero, config.code_high - zero)
    got = elements(config, "y", x=codes) - zero
    return compare(
        got * lsb, true * lsb, lsb, _told(codes, config.in_bits),
        bound_lsb=config.max_error_lsb, table_bits=config.table_bits,
    )  # fmt: skip


def gated(config: Any) -> Accuracy:
    """Compare a gated unit on all gates with many elements each, saturated alike."""
    gates, sides = codes_of(config.in_bits, True), codes_of(config.u_bits, True)
    sides = sides[:: max(1, len(sides) * len(gates) // MOST_CODES)]
    g, u = (grid.ravel() for grid in np.meshgrid(gates, sides))
    step = config.middle_scale / 2.0 ** (config.middle_fraction - config.shift)
    true = FUNCTIONS[config.function](g * config.in_scale / 2.0**config.in_fraction) * u / step
    high = 2.0 ** (config.out_bits - 1)
    return compare(
        elements(config, "h", g=g, u=u), np.clip(true, -high, high - 1), 1.0, _told(g, config.in_bits + config.u_bits),
        bound_lsb=config.max_error_lsb, table_bits=config.activation.table_bits,
    )  # fmt: skip


def softmax(longer: Mapping[str, Any]) -> Callable[[Any], RowAccuracy]:
    """Compare a softmax; rows longer than its own maximum run through the same unit with ``longer`` parameters."""

    def figures(config: Any) -> RowAccuracy:
        wide = type(config)(**(config.model_dump() | longer))

        def rows(codes: Ints) -> Ints:
            fit = config if codes.shape[-1] <= config.row_max else wide
            return row_results(fit, codes, config.inputs[0].fields[0].name, config.outputs[0].fields[0].name)

        unit = config.scale / 2.0**config.scale_fraction
        return compare_rows(rows, unit, 2.0**-config.out_bits, config.score_bits, bound_lsb=config.error_lsb)

    return figures


def row_results(config: Any, codes: Ints, source: str, result: str, **columns: Ints) -> Ints:
    """Send rows ``(rows, length)``, whole beats each, through a row-wise room; give the same shape."""
    count, length = codes.shape
    beats = length // config.lanes
    last = np.tile(np.arange(beats) == beats - 1, count).astype(np.int64)
    sent = {source: codes, **columns}
    shaped = {name: np.broadcast_to(v, codes.shape).reshape(-1, config.lanes) for name, v in sent.items()}
    return run(config, shaped, last)["o"][result].reshape(codes.shape)


def hard_and_drawn(length: int, bits: int) -> Ints:
    """Draw rows of codes of several deviations; zeros, a spike, equal, alternating and extreme ones beside them."""
    rng = np.random.default_rng(length)
    high = (1 << (bits - 1)) - 1
    drawn = [rng.normal(0, high / divisor, (24, length)) for divisor in (2, 4, 16, 64)]
    index = np.arange(length)
    hard = [
        0 * index, index == 3, 0 * index + 1, 0 * index - high - 1, np.where(index % 2, high, -high - 1), index % 2,
        np.where(index == 0, high, 0), np.where(index == 0, -high - 1, high), np.linspace(-high, high, length),
    ]  # fmt: skip
    return np.clip(np.rint(np.concatenate([*drawn, np.stack(hard)])), -high - 1, high).astype(np.int64)


def norm(config: Any) -> Accuracy:
    """Compare a norm with gains (and biases) drawn over their range, saturated alike.

    Of a dynamic output, compare the codes with the row in steps of its own largest magnitude.
    """
    length = config.elements
    x = hard_and_drawn(length, config.in_bits)
    rng = np.random.default_rng(1)
    columns = {}
    for port in config.inputs:
        for field in port.fields:
            if field.name in ("weight", "bias"):
                columns[field.name] = rng.integers(field.low, field.high, length, endpoint=True)
    got = row_results(config, x, "x", "q", **columns)
    unit = _normalised(config, x.astype(np.float64))
    true = (unit * columns["weight"] + columns.get("bias", 0)) / 2.0**config.weight_fraction
    if config.output == "dynamic":
        peak = np.abs(true).max(axis=-1, keepdims=True)
        true *= np.divide(config.quantiser.levels, peak, out=np.zeros_like(peak), where=peak > 0)
    high = 2.0 ** (config.out_bits - 1)
    return compare(
        got, np.clip(true, -high, high - 1), 1.0, f"{len(x)} rows of {length}", bound_lsb=config.error_bound
    )


def _normalised(config: Any, x: Reals) -> Reals:
    n = config.elements
    if config.kind == "layer":
        x = x - x.mean(axis=-1, keepdims=True)
    root = np.sqrt((x * x).sum(axis=-1, keepdims=True) + config.epsilon)
    return np.divide(x * np.sqrt(n), root, out=np.zeros_like(x), where=root > 0)


def quantise_rows(config: Any) -> Accuracy:
    """Compare the row quantiser with the real quotient."""
    x = hard_and_drawn(256, config.in_bits)
    peak = np.abs(x).max(axis=-1, keepdims=True)
    got = row_results(config, x, "x", "q")
    return compare(got, x * config.levels / np.maximum(peak, 1), 1.0, f"{len(x)} rows of 256", bound_lsb=0.5)


def dequantise(config: Any) -> Accuracy:
    """Compare the dequantiser with the real product, saturated alike."""
    rng = np.random.default_rng(1)
    shape = (20_000, config.lanes)
    scale, multiplier = (rng.integers(1, 1 << bits, shape[0]) for bits in (config.scale_bits, config.multiplier_bits))
    width = np.minimum(2.0 ** (config.shift_min + config.out_bits - 1) / (scale * multiplier), 2.0**20)
    acc = (rng.uniform(-1.1, 1.1, shape) * width[:, np.newaxis]).astype(np.int64)  # a tenth saturates
    columns = {"acc": acc, "scale": scale, "multiplier": multiplier}
    true = acc * (scale * multiplier)[:, np.newaxis] / 2.0**config.shift_min
    high = 2.0 ** (config.out_bits - 1)
    got = run(config, columns)["o"]["y"]
    return compare(got, np.clip(true, -high, high - 1), 1.0, f"{acc.size:,} products", bound_lsb=0.5)
