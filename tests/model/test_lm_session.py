# SPDX-License-Identifier: BSD-2-Clause
"""The driver of language models against an accelerator made of golden models, its line at times out of order."""

import numpy as np
import pytest
from tests.model.test_map_ternary_lm import made

from gatewright.gen.link.driver import Accelerator
from gatewright.gen.link.framing import FrameDecoder, encode
from gatewright.gen.model import lm_text
from gatewright.gen.model.lm_golden import fresh_state, prefill
from gatewright.gen.model.lm_session import Session, continued
from gatewright.gen.model.task_lm import LmTask, tokens
from gatewright.hw.accel.lm_core.golden import Model, serve
from gatewright.hw.bus.protocol import REPLY, Command, Info
from gatewright.hw.core.errors import LinkError, ModelError


class GoldenPipe:
    """A byte pipe behind which the golden model answers; it loses the replies with given numbers."""

    name = "golden"
    design_id = 7

    def __init__(self, config, lost=()):
        self.model, self.lost, self.sent = Model(config), set(lost), 0
        self.decoder, self.waiting = FrameDecoder(), b""

    def write(self, data):
        for frame in self.decoder.feed(data):
            command, sequence, payload = frame[0], frame[1], frame[2:]
            if command == Command.INFO:
                body = Info(self.design_id, self.model.config.input_bytes, self.model.config.output_bytes, 1000).pack()
            else:
                run = serve(self.model, list(payload))
                logits = b"" if run.logits is None else run.logits.astype("<i4").tobytes()
                cycles = self.model.config.timing.run(run.positions, run.heads)
                body = bytes(run.tokens) + logits + cycles.to_bytes(4, "little")
            if self.sent not in self.lost:
                self.waiting += encode(bytes((command | REPLY, sequence, 0)) + body)
            self.sent += 1

    def read(self, timeout):
        data, self.waiting = self.waiting, b""
        return data

    def close(self):
        pass


def session(config, lost=()):
    return Session(Accelerator(GoldenPipe(config, lost), "golden", 7), config)


@pytest.mark.parametrize("lost", [(), (3,), (1, 4, 6)])
@pytest.mark.parametrize("family", ["transformer", "mlgru"])
def test_a_text_comes_out_even_if_replies_get_lost(family, lost):
    graph, config = made(family)
    talk, prompt = session(config, lost), [3, 1, 4, 1, 5]
    assert list(continued(talk, graph, prompt, 7)) == lm_text.generate(graph, prompt, 7)
    assert talk.cycles == talk.predicted
    assert talk.lost <= len(lost)


def test_a_dead_line_is_an_error():
    graph, config = made("transformer")
    with pytest.raises(LinkError, match=r"^golden: no reply within"):
        list(continued(session(config, range(1, 100)), graph, [1, 2], 9))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_full_context_starts_anew_as_the_golden_text_does(temperature):
    graph, config = made("transformer")
    prompt = [3, 1, 4, 1, 5]
    wanted = lm_text.continued(graph, prompt, temperature, np.random.default_rng(4), wrap=True)
    found = list(continued(session(config), graph, prompt, 30, temperature, seed=4))
    assert found == [next(wanted)[0] for _ in range(30)]


@pytest.mark.parametrize("family", ["transformer", "mlgru"])
def test_feeding_in_pieces_and_prefill_leave_the_same_logits(family):
    """Token by token in requests of four, and many positions at once in the integer graph."""
    graph, config = made(family)
    fed = np.random.default_rng(6).integers(0, graph.geometry.vocab, 11).tolist()
    _, wanted = prefill(graph, fed, fresh_state(graph))
    np.testing.assert_array_equal(session(config).feed(fed, 1, logits=True).logits, wanted[-1])


@pytest.mark.parametrize("length", [1, 3, 6])
@pytest.mark.parametrize("prompt", [b"\1", b"\2\3\4\5", b"\2\3\4\5\6\7\1"])
def test_a_task_predicts_its_cycles(prompt, length):
    graph, config = made("transformer")
    task = LmTask(codes=np.zeros((1, 1), int), graph=graph, core=config, prompts=(prompt,), length=length)
    outputs, cycles = task.run(session(config).accelerator, 1)
    np.testing.assert_array_equal(outputs, task.wanted(1))
    np.testing.assert_array_equal(cycles, task.predict(outputs))


def test_bytes_that_are_no_tokens_are_refused():
    graph, _ = made("mlgru")
    with pytest.raises(ModelError, match=r"^prompt must hold bytes below 23, not 64: random knows no other$"):
        tokens(graph, b"\1@")
    with pytest.raises(ModelError, match=r"^prompt must have at least one byte$"):
        tokens(graph, b"")
