# SPDX-License-Identifier: BSD-2-Clause
"""The dataflow wing and the table refuse bad parameters with one line."""

import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.dataflow.fifo.config import FifoConfig
from gatewright.hw.dataflow.fork.config import ForkConfig
from gatewright.hw.dataflow.join.config import JoinConfig
from gatewright.hw.dataflow.skid.config import SkidConfig
from gatewright.hw.dataflow.width_down.config import WidthDownConfig
from gatewright.hw.dataflow.width_up.config import WidthUpConfig
from gatewright.hw.memory.rom.config import RomConfig

REFUSED = [
    (SkidConfig, {"width": 0}, "skid.width must lie in 1..1024, not 0"),
    (SkidConfig, {"width": 1025}, "skid.width must lie in 1..1024, not 1025"),
    (SkidConfig, {"width": 8.5}, "skid.width must be a whole number, not 8.5"),
    (SkidConfig, {"depth": 2}, "skid.depth is not a parameter"),
    (FifoConfig, {"depth": 1}, "fifo.depth must lie in 2..4096, not 1"),
    (FifoConfig, {"depth": 2, "storage": "memory"}, "fifo.depth must be at least 3 with storage 'memory', not 2"),
    (FifoConfig, {"depth": 65}, "fifo.depth must be at most 64 with storage 'registers', not 65; use 'memory'"),
    (FifoConfig, {"storage": "lutram"}, "fifo.storage must be one of registers, memory, not 'lutram'"),
    (ForkConfig, {"output_count": 17}, "fork.output_count must lie in 2..16, not 17"),
    (JoinConfig, {"widths": [8]}, "join.widths must name 2..16 inputs, not 1"),
    (JoinConfig, {"widths": [8, 0]}, "join.widths[1] must lie in 1..1024, not 0"),
    (JoinConfig, {"widths": [8, "wide"]}, "join.widths.1 must be a whole number, not 'wide'"),
    (WidthUpConfig, {"factor": 1}, "width_up.factor must lie in 2..64, not 1"),
    (WidthDownConfig, {"width": 257}, "width_down.width must lie in 1..256, not 257"),
    (RomConfig, {"depth": 2, "contents": [1, 2, 3]}, "rom.contents must hold at most depth = 2 words, not 3"),
    (RomConfig, {"contents": [0, 256]}, "rom.contents[1] must lie in 0..255, not 256; widen it with width"),
    (RomConfig, {"contents": [-129], "signed": True}, "rom.contents[0] must lie in -128..127, not -129"),
]


@pytest.mark.parametrize(("config", "values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(config, values, line):
    with pytest.raises(ConfigError) as caught:
        config(**values)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)
