# SPDX-License-Identifier: BSD-2-Clause
"""Properties of the golden models, checked without hardware."""

import numpy as np
import pytest

from gatewright.hw.dataflow.join.config import JoinConfig
from gatewright.hw.dataflow.join.golden import golden as join
from gatewright.hw.dataflow.width_down.config import WidthDownConfig
from gatewright.hw.dataflow.width_down.golden import golden as width_down
from gatewright.hw.dataflow.width_up.config import WidthUpConfig
from gatewright.hw.dataflow.width_up.golden import golden as width_up
from gatewright.hw.memory.rom.config import RomConfig
from gatewright.hw.memory.rom.golden import golden as rom


def elements(rng, size, width=8, chance=0.3):
    last = (rng.random(size) < chance).astype(np.int64)
    last[-1] = 1
    return {"data": rng.integers(0, 1 << width, size), "last": last}


@pytest.mark.parametrize("factor", [2, 3, 4, 7, 64])
def test_width_down_undoes_width_up_packets_included(factor):
    rng = np.random.default_rng(factor)
    beats = elements(rng, 300, chance=1 / factor)
    words = width_up(WidthUpConfig(factor=factor), {"i": beats})["o"]
    back = width_down(WidthDownConfig(factor=factor), {"i": words})["o"]
    np.testing.assert_array_equal(back["data"], beats["data"])
    np.testing.assert_array_equal(back["last"], beats["last"])


def test_width_up_cuts_at_packet_ends_and_clears_the_rest():
    beats = {"data": np.array([1, 2, 3, 4, 5, 6]), "last": np.array([0, 0, 0, 1, 1, 0])}
    words = width_up(WidthUpConfig(factor=3), {"i": beats})["o"]
    assert words["data"].tolist() == [[1, 2, 3], [4, 0, 0], [5, 0, 0]]  # the 6 waits for company
    assert words["count"].tolist() == [3, 1, 1]
    assert words["last"].tolist() == [0, 1, 1]


def test_width_down_reads_counts_out_of_range_as_the_nearest():
    beats = {"data": np.array([[1, 2, 3], [4, 5, 6]]), "count": np.array([0, 3]), "last": np.array([1, 1])}
    out = width_down(WidthDownConfig(factor=3), {"i": beats})["o"]
    assert out["data"].tolist() == [1, 4, 5, 6]
    assert out["last"].tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("last", "delay", "cycles"), [([0, 0, 0, 0], 3, 4), ([0, 1, 0, 0], 2, 3), ([1, 0, 0, 1], 1, 5)]
)
def test_width_up_counts_its_cycles_to_the_last_word_that_leaves(last, delay, cycles):
    inputs = {"i": {"data": np.zeros(4, dtype=np.int64), "last": np.array(last)}}
    config = WidthUpConfig(factor=3)
    assert (config.delay(inputs), config.cycles(inputs)) == (delay, cycles)


def test_join_stops_at_the_shortest_input():
    one = {"data": np.array([1, 2, 3]), "last": np.array([0, 0, 1])}
    two = {"data": np.array([4, 5]), "last": np.array([1, 0])}
    out = join(JoinConfig(), {"i_0": one, "i_1": two})["o"]
    assert out["data_0"].tolist() == [1, 2]
    assert out["data_1"].tolist() == [4, 5]
    assert out["last"].tolist() == [1, 0]


def test_rom_reads_its_contents_and_zeros_behind_them():
    config = RomConfig(depth=4, signed=True, contents=(-3, 7))
    beats = {"address": np.array([1, 0, 3]), "last": np.array([0, 0, 1])}
    assert rom(config, {"i": beats})["o"]["data"].tolist() == [7, -3, 0]
