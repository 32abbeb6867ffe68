# SPDX-License-Identifier: BSD-2-Clause
import binascii

import numpy as np
import pytest

from gatewright.gen.link.framing import FrameDecoder, decode, encode
from gatewright.hw.bus.frame_decode.config import FrameDecodeConfig
from gatewright.hw.bus.frame_decode.golden import golden, unstuff
from gatewright.hw.bus.rfc1662 import ESCAPE, FLAG, stuff
from gatewright.hw.core.fcs import GOOD, fcs16, fcs_register


def bitwise(data: bytes) -> int:
    """CRC-16/X-25 by the polynomial's long division, most significant bit first."""
    mirrored = bytes(int(f"{octet:08b}"[::-1], 2) for octet in data)
    value = binascii.crc_hqx(mirrored, 0xFFFF)
    return int(f"{value:016b}"[::-1], 2) ^ 0xFFFF


def test_the_check_sequence_meets_the_published_check_value():
    assert fcs16(b"123456789") == 0x906E


@pytest.mark.parametrize(
    ("payload", "expected"),
    [(b"", 0x0000), (b"\x00", 0xF078), (b"\xff", 0xFF00), (b"A", 0xA3F5)],
)
def test_short_payloads_have_the_check_sequence_of_long_division(payload, expected):
    assert fcs16(payload) == expected == bitwise(payload)


def test_the_table_agrees_with_long_division_on_random_data():
    rng = np.random.default_rng(1)
    for length in range(1, 80):
        data = rng.bytes(length)
        assert fcs16(data) == bitwise(data)


def test_a_frame_with_its_check_sequence_leaves_the_residue_of_the_rfc():
    data = b"any payload"
    assert fcs_register(data + fcs16(data).to_bytes(2, "little")) == GOOD == 0xF0B8


def test_the_register_can_be_continued():
    assert fcs_register(b"cd", fcs_register(b"ab")) == fcs_register(b"abcd")


def test_a_frame_looks_as_the_rfc_draws_it():
    assert encode(b"\x7e\x7d\x11") == bytes.fromhex("7e 7d5e 7d5d 11") + stuff(
        fcs16(b"\x7e\x7d\x11").to_bytes(2, "little")
    ) + b"\x7e"


def test_no_flag_and_no_bare_escape_lies_inside_a_frame():
    rng = np.random.default_rng(2)
    for _ in range(200):
        inside = encode(bytes(rng.choice([FLAG, ESCAPE, 0x5E, 0x5D, 0], 20).tolist()))[1:-1]
        assert FLAG not in inside
        assert all(inside[i + 1] in (0x5E, 0x5D) for i, octet in enumerate(inside) if octet == ESCAPE)


@pytest.mark.parametrize("piece", [1, 2, 7, 1000])
def test_frames_survive_being_cut_in_pieces(piece):
    rng = np.random.default_rng(piece)
    payloads = [rng.bytes(int(rng.integers(1, 60))) for _ in range(50)]
    line = b"".join(map(encode, payloads))
    decoder = FrameDecoder()
    found = [payload for start in range(0, len(line), piece) for payload in decoder.feed(line[start : start + piece])]
    assert found == payloads
    assert decoder.broken == 0


def test_frames_that_share_a_flag_are_both_found():
    assert decode(encode(b"one")[:-1] + encode(b"two")) == [b"one", b"two"]


def test_an_abort_a_short_frame_and_a_wrong_check_are_dropped_and_counted():
    decoder = FrameDecoder()
    broken = [encode(b"abort")[:-1] + b"\x7d\x7e", b"\x7e\x01\x02\x7e", encode(b"wrong").replace(b"w", b"W")]
    found = decoder.feed(b"".join(broken) + encode(b"sound"))
    assert found == [b"sound"]
    assert decoder.broken == 3


def test_nothing_damaged_is_taken_for_a_frame_and_every_whole_frame_is_found():
    rng = np.random.default_rng(3)
    decoder = FrameDecoder()
    sent = 0
    for trial in range(600):
        payload = trial.to_bytes(2, "little") + rng.bytes(int(rng.integers(1, 30)))
        line = bytearray(encode(payload))
        if trial % 3 == 0:  # one wrong bit: a 16-bit check finds every such damage to one frame
            line[int(rng.integers(1, len(line) - 1))] ^= 1 << int(rng.integers(0, 8))
        junk = rng.bytes(int(rng.integers(0, 6))).replace(bytes((FLAG,)), b"")
        found = decoder.feed(junk + bytes(line))
        if trial % 3:
            assert payload in found
            sent += 1
        else:
            assert payload not in found
    assert sent == 400


def test_a_line_without_flags_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("gatewright.gen.link.framing.LONGEST", 100)
    decoder = FrameDecoder()
    assert decoder.feed(b"x" * 5000) == []
    assert len(decoder._octets) == 100
    assert decoder.feed(encode(b"after")) == [b"after"]


def test_host_decoder_and_golden_model_of_the_circuit_agree_on_noise():
    rng = np.random.default_rng(4)
    octets = [0x7E, 0x7D, 0x5E, 0x5D, 0x00, 0x41]
    line = bytes(rng.choice(octets, 4000, p=[0.15, 0.1, 0.1, 0.1, 0.25, 0.3]).tolist())
    for payload in (b"a", b"bc", b"def" * 9):
        line += b"\x7e" + encode(payload)
    beats = golden(FrameDecodeConfig(), {"i": {"data": np.frombuffer(line, np.uint8).astype(np.int64)}})["o"]
    ends = np.flatnonzero(beats["last"]) + 1
    starts = [0, *ends[:-1].tolist()]
    sound = [
        bytes(beats["data"][start:end].tolist())
        for start, end in zip(starts, ends, strict=True)
        if beats["good"][end - 1]
    ]
    assert sound == decode(line)
    assert len(sound) >= 3


def test_unstuff_tells_a_lone_escape():
    assert unstuff(b"\x01\x7d\x5e\x02") == (b"\x01\x7e\x02", False)
    assert unstuff(b"\x01\x7d") == (b"\x01", True)
