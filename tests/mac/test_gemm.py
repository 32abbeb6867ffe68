# SPDX-License-Identifier: BSD-2-Clause
"""The GEMM engine as a whole: its cycle model, its utilisation, its matrices."""

import numpy as np
import pytest

from gatewright.gen.design import design_of
from gatewright.gen.emit import generate
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.mac.gemm.config import GemmConfig
from gatewright.hw.mac.gemm.golden import gemm
from gatewright.hw.mac.gemm.tiling import result
from gatewright.tb.fast.streams import StreamModel
from gatewright.tb.harness.bench import draw
from gatewright.tb.mac.products import product_streams

SMALL = {"act_bits": 4, "weight_bits": 4, "m_max": 64, "n_max": 64, "k_max": 64, "acc_bits": 18, "bias_bits": 8}
RAW = {**SMALL, "output": "accumulator"}
ENGINES = {
    "broadcast buffered": {**RAW, "dataflow": "broadcast", "rows": 3, "cols": 2, "buffer_depth": 7},
    "broadcast direct": {**RAW, "dataflow": "broadcast", "rows": 2, "cols": 4, "lanes": 2, "operand_buffers": False},
    "vector, serial requantiser": {
        **SMALL, "dataflow": "broadcast", "rows": 1, "cols": 4, "lanes": 1, "operand_buffers": False,
        "requantise": {"engine": "serial", "multiplier_bits": 8, "shift_min": 8, "shift_bits": 2},
    },
    "vector, serial requantiser, buffered": {
        **SMALL, "dataflow": "broadcast", "rows": 1, "cols": 2, "lanes": 1, "buffer_depth": 4,
        "requantise": {"engine": "serial", "multiplier_bits": 8, "shift_min": 8, "shift_bits": 0},
    },
    "systolic os buffered": {**RAW, "dataflow": "os", "rows": 3, "cols": 2, "buffer_depth": 7},
    "systolic os, serial requantiser, direct": {
        **SMALL, "dataflow": "os", "rows": 2, "cols": 2, "lanes": 1, "operand_buffers": False,
        "requantise": {"engine": "serial", "multiplier_bits": 8, "shift_min": 8, "shift_bits": 0},
    },
    "systolic os, few lanes, buffered": {
        **RAW, "dataflow": "os", "rows": 3, "cols": 4, "lanes": 2, "buffer_depth": 2,
    },
    "systolic ws": {**SMALL, "dataflow": "ws", "rows": 3, "cols": 2, "m_depth": 9},
    "systolic ws, few lanes": {**RAW, "dataflow": "ws", "rows": 2, "cols": 4, "lanes": 1, "m_depth": 6},
    "tree": {**SMALL, "dataflow": "tree", "rows": 1, "cols": 3, "depth": 4, "buffer_depth": 5},
    "cube": {**RAW, "dataflow": "cube", "rows": 2, "cols": 2, "depth": 2, "lanes": 1, "buffer_depth": 2},
}  # fmt: skip


def compiled(config, folder):
    design = design_of("gemm", "engine", **config.model_dump())
    generate(design, folder / "rtl")
    return StreamModel(design.config, folder / "rtl" / f"{design.top}.v", design.top, folder / "fast")


def play(model, config, shape, seed):
    """Run one product from rest; give the trace, and whether the matrix is right."""
    rng = np.random.default_rng(seed)
    drawn = {}

    def fill(field, form):
        plain = type(field)(field.name, field.bits, field.signed)
        drawn[field.name] = draw(plain, rng, int(np.prod(form))).reshape(form)
        return drawn[field.name]

    streams = product_streams(config, *shape, fill)
    a, b = drawn.pop("a"), drawn.pop("b")
    m, n, _ = shape
    n_tiles, height = -(-n // config.cols), m
    run = model.run(streams, {"o": n_tiles * height * config.groups})
    same = np.array_equal(result(config, run.outputs["o"], m, n), gemm(config, a, b, drawn or None))
    return run, same


@pytest.mark.parametrize("name", ENGINES)
def test_cycle_model_equals_simulation_for_random_shapes(name, tmp_path):
    config = GemmConfig(**ENGINES[name])
    model = compiled(config, tmp_path)
    rng = np.random.default_rng(5)
    longest = np.array([5 * config.block, 5 * config.cols, 25 * config.depth])
    for index in range(50):
        shape = tuple(int(x) for x in 1 + (rng.random(3) ** 1.5 * np.minimum(longest, 64)).astype(int))
        run, same = play(model, config, shape, index)
        assert same, shape
        assert run.last_out - run.first_in + 1 == config.cycle_count(*shape), shape


@pytest.mark.parametrize("dataflow", ["os", "ws"])
def test_large_square_product_keeps_the_array_busy(dataflow, tmp_path):
    config = GemmConfig(dataflow=dataflow, rows=8, cols=8)
    run, same = play(compiled(config, tmp_path), config, (256, 256, 256), 1)
    cycles = run.last_out - run.first_in + 1
    assert same
    assert cycles == config.cycle_count(256, 256, 256)
    assert 256**3 / (config.rows * config.cols * config.depth * cycles) >= 0.95


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cols": 6, "lanes": 4}, r"gemm\.lanes must divide cols = 6, not 4"),
        ({"requantise": {"lanes": 2}}, r"gemm\.requantise\.lanes must equal lanes = 8, not 2"),
        ({"acc_bits": 26, "bias_bits": 26}, r"gemm\.acc_bits must be at least 27 to hold k_max = 1024"),
        ({"acc_bits": 20}, r"gemm\.acc_bits must be at least 26 to hold k_max = 1024 products and a bias, not 20"),
        ({"requantise": {"shift_step": 3}}, r"gemm\.requantise: requantise\.shift_step must be a power of two, not 3"),
        ({"depth": 2}, r"gemm\.depth must be 1 for dataflow os, not 2"),
        ({"dataflow": "ws", "operand_buffers": True}, r"gemm\.operand_buffers must be false for dataflow ws"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ConfigError, match=message):
        GemmConfig(**values)
