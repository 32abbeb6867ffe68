# SPDX-License-Identifier: BSD-2-Clause
"""The language model's core gives the same octets, be its memories as slow as they like."""

import numpy as np
import pytest
from tests.accel.stalling import EIGHTH, HALF, stalled

from gatewright.gen.emit import plain_verilog
from gatewright.hw.accel.lm_core import component, engine, mixers
from gatewright.hw.accel.lm_core.config import LmCoreConfig
from gatewright.hw.accel.lm_core.golden import golden
from gatewright.hw.accel.lm_core.talk import COUNT_BYTES
from gatewright.hw.core.ports import packets
from gatewright.tb.accel.tb_lm_core import ATTENDING, GATED, stimulus
from gatewright.tb.fast.streams import StreamModel

TOKENS = 60
STORES = [(module, "WeightStore", ("i_play", "o")) for module in (component, engine, mixers)]
ROWS = [(mixers, "KvAttention", ("i_q", "i_k", "i_v", "o")), (mixers, "Mlgru", ("i", "i_bound", "o"))]


@pytest.mark.parametrize(
    ("values", "mask"),
    [
        (ATTENDING, HALF),
        pytest.param(GATED, HALF, marks=pytest.mark.slow),
        pytest.param({**ATTENDING, "act": "dynamic"}, EIGHTH, marks=pytest.mark.slow),
        pytest.param({**GATED, "act": "static"}, EIGHTH, marks=pytest.mark.slow),
    ],
    ids=["transformer", "mlgru_dynamic", "transformer_dynamic", "mlgru"],
)
def test_stalls_of_memories_change_nothing_but_the_count_of_cycles(values, mask, tmp_path, monkeypatch):
    for module, name, ports in STORES + ROWS:
        monkeypatch.setattr(module, name, stalled(getattr(module, name), ports, mask))
    config = LmCoreConfig(**values)
    (tmp_path / "slow.v").write_text(plain_verilog(component.LmCore(config), "slow"))
    model = StreamModel(config, tmp_path / "slow.v", "slow", tmp_path / "models")
    inputs = stimulus(config, np.random.default_rng(1), "random", 8 * TOKENS)
    expected = golden(config, inputs)["o"]
    counts = np.zeros(len(expected["data"]), bool)
    for reply in packets(expected):
        counts[reply.stop - COUNT_BYTES : reply.stop] = True
    for go in (1.0, 0.5):
        model.reset()
        found = model.run(inputs, {"o": len(counts)}, go_in=go, go_out=go).outputs["o"]
        np.testing.assert_array_equal(found["last"], expected["last"])
        np.testing.assert_array_equal(found["data"][~counts], expected["data"][~counts])
        assert (found["data"][counts] != expected["data"][counts]).any()  # it was slower indeed
