# SPDX-License-Identifier: BSD-2-Clause
"""The accelerator's golden model, held to answers worked out by hand, and its config's refusals."""

import numpy as np
import pytest

from gatewright.hw.accel.mlp_core.config import LayerConfig, MlpCoreConfig
from gatewright.hw.accel.qnn_mlp.config import QnnMlpConfig
from gatewright.hw.accel.qnn_mlp.golden import golden, run_core
from gatewright.hw.accel.served_golden import replies, requests
from gatewright.hw.bus.rfc1662 import encode
from gatewright.hw.core.errors import ConfigError

LAYER = LayerConfig(
    inputs=2, outputs=2, weights=(1, 2, -3, 4), bias=(10, 0), multiplier=(32768, 32768), shift=(16, 15)
)
CONFIG = QnnMlpConfig(clock_hz=12_000_000, design_id=0x01020304, core=MlpCoreConfig(cols=1, layers=(LAYER,)))


def reply(config, request):
    return replies(config, run_core, [request])[0]


def on_the_line(octets):
    sent = golden(CONFIG, {"rx": {"data": np.frombuffer(octets, np.uint8).astype(np.int64)}})
    return bytes(sent["tx"]["data"].tolist())


def test_info_tells_the_facts():
    body = bytes([1, 4, 3, 2, 1, 2, 0, 2, 0]) + (12_000_000).to_bytes(4, "little")
    assert reply(CONFIG, bytes([1, 0x33])) == bytes([0x81, 0x33, 0]) + body


def test_run_rounds_half_to_even_and_gives_signed_codes_and_the_cycle_count():
    # 1*5 + 2*(-5) + 10 = 5, halved: 2.5 to even is 2. -3*5 + 4*(-5) = -35, not halved.
    got = reply(CONFIG, bytes([2, 9, 5, 256 - 5]))
    assert got == bytes([0x82, 9, 0, 2, 256 - 35]) + CONFIG.core.run_cycles.to_bytes(4, "little")


@pytest.mark.parametrize(
    ("request_octets", "status"),
    [([2, 7, 1], 2), ([2, 7, 1, 2, 3], 2), ([2, 7], 2), ([1, 7, 0], 2), ([0, 7], 1), ([0x82, 7, 1, 2], 1)],
)
def test_a_wrong_request_gets_its_status_and_no_body(request_octets, status):
    assert reply(CONFIG, bytes(request_octets)) == bytes([request_octets[0] | 0x80, 7, status])


def test_a_request_of_one_octet_gets_no_reply():
    assert reply(CONFIG, b"\x01") is None
    assert on_the_line(encode(b"\x01")) == b""


def test_broken_frames_are_dropped_and_the_next_is_answered():
    sound = encode(bytes([1, 5]))
    wrong_check = sound[:3] + bytes((sound[3] ^ 1,)) + sound[4:]
    aborted = sound[:3] + b"\x7d\x7e"
    assert requests(wrong_check + aborted) == []
    assert on_the_line(b"\x00\xff" + wrong_check + aborted + sound) == encode(reply(CONFIG, bytes([1, 5])))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"clock_hz": 3_000_000}, r"^qnn_mlp\.baud must lie in 46\.\.750000 for a clock of 3000000 Hz, not 1000000$"),
        ({"clock_hz": 4_400_000}, r"^qnn_mlp\.baud must divide clock_hz = 4400000 within 2 %, not 1000000 .*$"),
    ],
)
def test_config_refuses_a_line_that_its_clock_can_not_make(values, message):
    with pytest.raises(ConfigError, match=message):
        QnnMlpConfig(**values)
