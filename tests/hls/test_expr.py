# SPDX-License-Identifier: BSD-2-Clause
"""Expressions: their types hold every exact value, and both languages compute them alike."""

import operator
import random
from importlib.resources import files

import numpy as np
import pytest
from tests.hls.needs import needs_headers, needs_xls

from gatewright.gen.files import replace_tree
from gatewright.gen.hls import csim
from gatewright.gen.hls.frames import stimulus
from gatewright.gen.hls.xls import XlsKernel
from gatewright.hls_kernels import emit_top
from gatewright.hls_kernels.emit_cpp import cpp
from gatewright.hls_kernels.expr import Int, lift, mux, type_of
from gatewright.hls_kernels.kernel import Kernel, new_builder, port
from gatewright.hw.core.ports import PayloadField

INPUTS = (
    PayloadField("a", 7, True), PayloadField("b", 5), PayloadField("c", 12, True), PayloadField("d", 3),
    PayloadField("v", 6, True, (4,)),
)  # fmt: skip
OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def grow(rng, leaves, depth):
    """Give a random expression, and the same as a function of Python's integers."""
    if depth == 0 or rng.random() < 0.1:
        return leaves(rng)
    (left, f), (right, g) = grow(rng, leaves, depth - 1), grow(rng, leaves, depth - 1)
    match rng.choice(["arithmetic", "arithmetic", "shift right", "shift left", "variable", "mux", "wrap", "clamp"]):
        case "arithmetic":
            name = rng.choice(list(OPERATIONS))
            return OPERATIONS[name](left, right), lambda e: OPERATIONS[name](f(e), g(e))
        case "shift right":
            count = rng.randrange(1, 9)
            return left >> count, lambda e: f(e) >> count
        case "shift left":
            count = rng.randrange(1, 5)
            return left << count, lambda e: f(e) << count
        case "variable":
            count = port(INPUTS[3])
            return (left >> count) + right.shift_left(count, 7), lambda e: (f(e) >> e["d"]) + (g(e) << e["d"])
        case "mux":
            return mux(left < right, right, left), lambda e: max(f(e), g(e))
        case "wrap":
            kind = Int(rng.randrange(2, 20), rng.random() < 0.5)
            return left.to(kind), lambda e: wrapped(f(e), kind)
    limit = rng.randrange(1, 500)
    return left.clamp(-limit, limit), lambda e: min(max(f(e), -limit), limit)


def wrapped(value, kind):
    low = value & ((1 << kind.bits) - 1)
    return low - (1 << kind.bits) if kind.signed and low >> (kind.bits - 1) else low


def leaf(rng):
    choice = rng.randrange(6)
    if choice < 4:
        name = INPUTS[choice].name
        return port(INPUTS[choice]), lambda e: e[name]
    if choice == 4:
        return port(INPUTS[4])[port(INPUTS[3]).low_bits(2)], lambda e: e["v"][e["d"] & 3]
    value = rng.randrange(-300, 300)
    return lift(value), lambda e: value


def made(seed, count=12):
    """Give a kernel of random expressions, and its functions."""
    rng = random.Random(seed)
    found = []
    while len(found) < count:
        expr, function = grow(rng, leaf, 4)
        if expr.type.bits <= 60:
            found.append((expr, function))
    outputs = tuple(PayloadField(f"o{at}", e.type.bits, e.type.signed) for at, (e, _) in enumerate(found))
    builder = new_builder((*INPUTS, *outputs))
    results = {f"o{at}": builder.let(f"r{at}", expr) for at, (expr, _) in enumerate(found)}
    return Kernel("random", "random", "Random expressions.", INPUTS, outputs, builder.block, results), found


def reference(kernel, found, frames):
    count = len(frames["a"])
    rows = [{name: column[at].tolist() for name, column in frames.items()} for at in range(count)]
    return {f"o{at}": np.array([function(row) for row in rows], np.int64) for at, (_, function) in enumerate(found)}


@needs_xls
@needs_headers
@pytest.mark.parametrize("seed", range(3))
def test_random_expressions_are_exact_in_every_language(seed, tmp_path):
    kernel, found = made(seed)
    frames = stimulus(kernel, 400)
    want = reference(kernel, found, frames)
    for field in kernel.outputs:
        assert want[field.name].min() >= field.low
        assert want[field.name].max() <= field.high
    got = XlsKernel(kernel).run(frames)
    assert all((got[name] == want[name]).all() for name in want)
    replace_tree(tmp_path, {
        "random.hpp": cpp(kernel), "random_top.hpp": emit_top.top_header(kernel),
        "random_top.cpp": emit_top.top_source(kernel), "random_tb.cpp": emit_top.testbench(kernel),
        "vectors.dat": emit_top.vectors(kernel, frames, want),
        "csim/hls_stream.h": files("gatewright.hls_kernels").joinpath("include", "hls_stream.h").read_text(),
    })  # fmt: skip
    assert csim.simulate(tmp_path, "random") == (400, 400)


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (0, 0, Int(1)), (0, 8, Int(4)), (-1, 0, Int(1, True)), (-8, 7, Int(4, True)), (-9, 7, Int(5, True)),
        (-1, 8, Int(5, True)),
    ],
)  # fmt: skip
def test_a_type_is_as_narrow_as_its_range_allows(low, high, kind):
    assert type_of(low, high) == kind
