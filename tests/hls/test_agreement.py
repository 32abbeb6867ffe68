# SPDX-License-Identifier: BSD-2-Clause
"""Golden model, C++, XLS' function, XLS' Verilog and our Verilog give the same integers."""

import pytest
from tests.hls.configs import CASES, CONFIGS
from tests.hls.needs import needs_headers, needs_xls

from gatewright.gen.design import design_of
from gatewright.gen.hls.compare import WAYS, compare
from gatewright.hls_kernels.catalogue import MODULES

FRAMES = 1000


def test_every_kernel_has_configs_here():
    assert set(CONFIGS) == set(MODULES)
    per_module = {module: sum(len(CONFIGS[room]) for room in MODULES if MODULES[room] == module)
                  for module in MODULES.values()}  # fmt: skip
    assert min(per_module.values()) >= 3


@needs_xls
@needs_headers
@pytest.mark.parametrize(("room", "index"), CASES)
def test_all_ways_give_what_the_golden_model_gives(room, index, tmp_path):
    design = design_of(room, **CONFIGS[room][index])
    assert compare(design, tmp_path, FRAMES) == dict.fromkeys(WAYS, FRAMES)
