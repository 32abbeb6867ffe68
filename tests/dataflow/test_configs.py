# SPDX-License-Identifier: BSD-2-Clause
"""The dataflow wing refuses bad parameters with one line."""

import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.dataflow.skid.config import SkidConfig

REFUSED = [
    (SkidConfig, {"width": 0}, "skid.width must lie in 1..1024, not 0"),
    (SkidConfig, {"width": 1025}, "skid.width must lie in 1..1024, not 1025"),
    (SkidConfig, {"width": 8.5}, "skid.width must be a whole number, not 8.5"),
    (SkidConfig, {"depth": 2}, "skid.depth is not a parameter"),
]


@pytest.mark.parametrize(("config", "values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(config, values, line):
    with pytest.raises(ConfigError) as caught:
        config(**values)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)
