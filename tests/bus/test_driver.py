# SPDX-License-Identifier: BSD-2-Clause
import errno

import numpy as np
import pytest

from gatewright.gen.link.driver import Accelerator
from gatewright.gen.link.framing import FrameDecoder, encode
from gatewright.gen.link.pipe import LoopbackPipe, SerialPipe
from gatewright.hw.bus.protocol import INFO_BYTES, Info
from gatewright.hw.core.errors import LinkError

INFO = Info(design=0xC0FFEE01, input_bytes=4, output_bytes=2, clock_hz=12_000_000)


class Device:
    """A device that answers by hand-written octets; `sabotage` may change what it sends."""

    def __init__(self, sabotage=None):
        self.decoder = FrameDecoder()
        self.sabotage = sabotage or (lambda count, reply: reply)
        self.count = 0
        self.sequences = []

    def __call__(self, data):
        out = b""
        for request in self.decoder.feed(data):
            self.count += 1
            self.sequences.append(request[1])
            reply = encode(bytes((request[0] | 0x80, request[1])) + self.answer(request[0], request[2:]))
            out += self.sabotage(self.count, reply)
        return out

    def answer(self, command, payload):
        if command == 1:
            return b"\x00\x01" + bytes.fromhex("01eeffc0 0400 0200 001bb700")
        if len(payload) != 4:
            return b"\x02"
        return b"\x00" + bytes((sum(payload) & 0xFF, payload[0])) + (1000 + payload[0]).to_bytes(4, "little")


def accelerator(device, **settings):
    return Accelerator(LoopbackPipe(device), design="mlp-digits", **settings)


def test_info_is_what_the_octets_say():
    assert accelerator(Device()).info() == INFO
    assert INFO.pack() == bytes.fromhex("01 01eeffc0 0400 0200 001bb700")
    assert len(INFO.pack()) == INFO_BYTES
    assert Info.unpack(INFO.pack()) == INFO


def test_info_is_asked_once():
    device = Device()
    board = accelerator(device)
    board.info()
    board.info()
    assert device.count == 1


def test_infer_gives_outputs_and_cycles_in_order():
    images = np.arange(40, dtype=np.uint8).reshape(10, 2, 2)
    heard = []
    outputs, cycles = accelerator(Device()).infer(images, heard.append)
    assert outputs.tolist() == [[int(image.sum()) & 0xFF, int(image[0, 0])] for image in images]
    assert cycles.tolist() == [1000 + 4 * index for index in range(10)]
    assert heard == list(range(1, 11))


def test_infer_sends_signed_images_as_they_lie_in_memory():
    outputs, _ = accelerator(Device()).infer(np.array([[-1, 2, 3, 4]], dtype=np.int8))
    assert outputs.tolist() == [[8, 255]]


def test_infer_of_no_image_gives_no_output():
    outputs, cycles = accelerator(Device()).infer(np.zeros((0, 4), dtype=np.uint8))
    assert outputs.shape == (0, 2)
    assert cycles.shape == (0,)


def test_lost_replies_are_asked_for_again_with_a_new_sequence_number():
    device = Device(lambda count, reply: reply if count % 3 == 0 else b"")
    board = accelerator(device)
    assert board.run(b"\x01\x02\x03\x04").output == b"\x0a\x01"
    assert board.retries == 4
    assert len(set(device.sequences)) == 6


def test_a_damaged_reply_is_asked_for_again():
    def damage(count, reply):
        return reply if count % 2 == 0 else reply[:3] + bytes((reply[3] ^ 4,)) + reply[4:]

    board = accelerator(Device(damage))
    assert board.run(bytes(4)).cycles == 1000
    assert board.retries == 2


def test_a_late_reply_to_an_earlier_attempt_is_dropped():
    kept = []

    def delay(count, reply):
        kept.append(reply)
        return b"" if len(kept) == 2 else b"".join(kept[1:]) if len(kept) == 3 else reply

    board = accelerator(Device(delay))
    assert board.run(bytes((9, 0, 0, 0))).cycles == 1009
    assert board.stale == 1


def test_noise_around_replies_does_no_harm():
    rng = np.random.default_rng(5)
    board = accelerator(Device(lambda count, reply: rng.bytes(20) + reply + rng.bytes(9)), attempts=20)
    outputs, _ = board.infer(rng.integers(0, 256, (50, 4), dtype=np.uint8))
    assert outputs.shape == (50, 2)


def test_silence_ends_in_one_line_that_says_what_to_check():
    board = accelerator(Device(lambda count, reply: b""), timeout=0.5, attempts=3)
    with pytest.raises(
        LinkError,
        match=r"^loopback: no reply within 3 attempts of 0\.5 s; check that the board is flashed with "
        r"mlp-digits and that this is its port$",
    ):
        board.info()


def test_the_driver_gives_up_in_time_while_the_line_babbles():
    now = iter(range(1000))
    device = LoopbackPipe(lambda data: b"")
    device.read = lambda timeout: b"babble"
    board = Accelerator(device, timeout=10, attempts=2, clock=lambda: next(now))
    with pytest.raises(LinkError, match="no reply within 2 attempts"):
        board.info()


def test_another_design_is_refused():
    with pytest.raises(LinkError, match=r"carries design 0xc0ffee01, not mlp-digits \(0x00000007\); flash mlp-digits$"):
        accelerator(Device(), design_id=7).info()


def test_another_protocol_version_is_refused():
    class Newer(Device):
        def answer(self, command, payload):
            return b"\x00\x09" + bytes(12)

    with pytest.raises(LinkError, match="speaks protocol version 9, not 1; flash mlp-digits again"):
        accelerator(Newer()).info()


def test_an_input_of_the_wrong_size_is_refused_before_it_is_sent():
    device = Device()
    with pytest.raises(LinkError, match="an input must have 4 bytes, not 5"):
        accelerator(device).run(bytes(5))
    assert device.count == 1


def test_wide_integers_are_refused():
    with pytest.raises(LinkError, match="inputs must be int8 or uint8, not int64"):
        accelerator(Device()).infer(np.zeros((1, 4), dtype=np.int64))


@pytest.mark.parametrize(
    ("status", "reason"), [(1, "does not know it"), (2, "finds its length wrong"), (77, "gives status 77")]
)
def test_a_refused_command_is_one_line(status, reason):
    class Refusing(Device):
        def answer(self, command, payload):
            return super().answer(command, payload) if command == 1 else bytes((status,))

    with pytest.raises(LinkError, match=f"^loopback: command RUN was refused: the board {reason}; flash mlp-digits$"):
        accelerator(Refusing()).run(bytes(4))


def test_a_reply_of_the_wrong_size_is_refused():
    class Short(Device):
        def answer(self, command, payload):
            return super().answer(command, payload)[: 14 if command == 1 else 5]

    with pytest.raises(LinkError, match="a reply has 4 bytes, not 6"):
        accelerator(Short()).run(bytes(4))


def test_a_port_that_does_not_exist_is_one_line_with_the_fix():
    with pytest.raises(LinkError, match=r"^serial port no-such-port does not exist; (ports here are|no port is there)"):
        SerialPipe("no-such-port")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.EACCES, "may not be opened by this user; join the group"),
        (errno.EBUSY, "is in use by another program"),
        (errno.EIO, "was unplugged"),
    ],
)
def test_other_port_troubles_say_what_helps(monkeypatch, number, text):
    import serial

    def fail(*args, **settings):
        raise serial.SerialException(number, "could not open port")

    monkeypatch.setattr(serial, "Serial", fail)
    with pytest.raises(LinkError, match=text):
        SerialPipe("COM4")


def test_a_serial_port_carries_the_protocol():
    pty = pytest.importorskip("pty", reason="pseudo-terminals exist on POSIX systems only")
    import os
    import threading
    import tty

    board_end, host_end = pty.openpty()
    tty.setraw(board_end)
    tty.setraw(host_end)
    device = Device()

    def serve():
        while device.count < 4:
            os.write(board_end, device(os.read(board_end, 64)))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        with SerialPipe(os.ttyname(host_end)) as pipe:
            outputs, _ = Accelerator(pipe, timeout=5).infer(np.ones((3, 4), dtype=np.uint8))
            assert pipe.read(0.01) == b""
        assert outputs.tolist() == [[4, 1]] * 3
        thread.join(5)
        assert not thread.is_alive()
    finally:
        os.close(board_end)
        os.close(host_end)


class Loaded(Device):
    """A device that needs ``lacking`` LOADs."""

    def __init__(self, lacking, began=0, sabotage=None):
        super().__init__(sabotage)
        self.whole, self.lacking, self.parts = lacking, lacking - began, []

    def answer(self, command, payload):
        if command == 3:
            self.parts.append(payload[0])
            self.lacking = (self.lacking or self.whole) - 1
            return b"\x00" + self.lacking.to_bytes(4, "little")
        if command == 2 and self.lacking:
            return b"\x00" + bytes(4)
        return super().answer(command, payload)


PARTS = [bytes((index, 0, 0, 0)) for index in range(3)]


def test_load_brings_every_part_once():
    device = Loaded(3)
    board = accelerator(device)
    board.load(PARTS)
    assert device.parts == [0, 1, 2]
    assert board.run(bytes(4)).cycles == 1000


def test_load_of_nothing_asks_nothing():
    device = Device()
    accelerator(device).load(())
    assert device.count == 0


def test_load_fills_up_what_another_began_and_starts_again():
    device = Loaded(3, began=1)
    accelerator(device).load(PARTS)
    assert device.parts == [0, 0, 0, 1, 2]
    assert device.lacking == 0


def test_load_starts_again_if_a_lost_reply_made_a_part_count_twice():
    device = Loaded(3, sabotage=lambda count, reply: b"" if count == 2 else reply)
    accelerator(device, timeout=0.01).load(PARTS)
    assert device.parts[-3:] == [0, 1, 2]
    assert device.lacking == 0


def test_load_of_too_few_parts_is_refused():
    with pytest.raises(LinkError, match=r"does not take the weights in 2 parts; flash mlp-digits again$"):
        accelerator(Loaded(3)).load(PARTS[:2])


def test_run_without_weights_says_so():
    with pytest.raises(LinkError, match=r"mlp-digits has no weights yet; load them first$"):
        accelerator(Loaded(3)).run(bytes(4))
