# SPDX-License-Identifier: BSD-2-Clause
"""The expert queues' golden model against lists of Python's; outputs that don't wait for each other; the config."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.moe.expert_queue.component import ExpertQueue
from gatewright.hw.moe.expert_queue.config import ExpertQueueConfig
from gatewright.hw.moe.expert_queue.golden import golden
from gatewright.tb.moe.tb_expert_queue import BENCH, stimulus


def sequences(beats):
    """Split beats into sequences: for each expert the tokens and their weights, in order."""
    queues, token = {}, 0
    columns = (beats[name].tolist() for name in ("expert", "weight", "last", "final"))
    for expert, weight, last, final in zip(*columns, strict=True):
        queues.setdefault(expert, []).append((token, weight))
        token += last
        if last and final:
            yield queues
            queues, token = {}, 0


@pytest.mark.parametrize("values", [*BENCH.grid, *BENCH.mutations, {}], ids=str)
@pytest.mark.parametrize("kind", ["random", "corners"])
def test_golden_equals_queues_of_lists(values, kind):
    config = ExpertQueueConfig(**values)
    inputs = stimulus(config, np.random.default_rng(4), kind, 300)
    found, used, played = golden(config, inputs), [], []
    for queues in sequences(inputs["i"]):
        for expert in sorted(queues):
            queue, closes = queues[expert], expert == max(queues)
            used.append((expert, len(queue), closes))
            for turn in range(config.turns):
                for token, weight in queue:
                    last = token == queue[-1][0]
                    final = last and closes and turn == config.turns - 1
                    played.append((token, weight, expert, turn, last, final))
    out = found["o"] | ({} if config.turns > 1 else {"turn": np.zeros_like(found["o"]["token"])})
    names = ("token", "weight", "expert", "turn", "last", "final")
    assert list(zip(*(out[name] for name in names), strict=True)) == played
    assert list(zip(*(found["o_used"][name] for name in ("expert", "count", "final")), strict=True)) == used


def test_the_stimulus_fills_one_queue_with_all_tokens_and_uses_all_queues():
    config = ExpertQueueConfig(experts=4, tokens_max=9)
    longest, most = 0, 0
    for seed in range(8):
        for queues in sequences(stimulus(config, np.random.default_rng(seed), "random", 240)["i"]):
            longest = max(longest, *(len(queue) for queue in queues.values() if len(queues) == 1), 0)
            most = max(most, len(queues))
    assert (longest, most) == (9, 4)


def transfers(config, words, waiting):
    """Play a sequence into the design while one output is never ready; give what the other one gives."""
    design, found = ExpertQueue(config), []
    quick, slow = (design.o, design.o_used) if waiting == "o_used" else (design.o_used, design.o)

    async def bench(ctx):
        ctx.set(slow.ready, 0)
        ctx.set(quick.ready, 1)
        for expert, last, final in words:
            ctx.set(design.i.payload, {"expert": expert, "weight": 1, "last": last, "final": final})
            ctx.set(design.i.valid, 1)
            await ctx.tick().until(design.i.ready)
        ctx.set(design.i.valid, 0)
        for _ in range(60):
            if ctx.get(quick.valid):
                found.append((ctx.get(quick.payload.expert), ctx.get(quick.payload.final)))
            await ctx.tick()
        assert ctx.get(slow.valid)
        assert not ctx.get(design.i.ready)  # the next sequence does wait for both

    simulator = Simulator(design)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


def test_neither_output_waits_for_the_other():
    config = ExpertQueueConfig(experts=4, tokens_max=4)
    words = [(2, 0, 0), (0, 1, 0), (2, 1, 0), (3, 0, 1), (2, 1, 1)]
    played = [0] * 2 + [2] * 6 + [3] * 2
    assert transfers(config, words, "o_used") == [(expert, int(k == 9)) for k, expert in enumerate(played)]
    assert transfers(config, words, "o") == [(0, 0), (2, 0), (3, 1)]


@pytest.mark.parametrize("turns", [1, 2])
@pytest.mark.parametrize("style", ["one expert", "all experts", "one token"])
def test_a_sequence_costs_its_beats_and_one_cycle(turns, style):
    config = ExpertQueueConfig(experts=8, tokens_max=50, turns=turns)
    tokens, experts = {"one expert": (50, 1), "all experts": (50, 8), "one token": (1, 2)}[style]
    last = np.tile(np.arange(experts) == experts - 1, 3 * tokens).astype(np.int64)
    final = np.tile(np.arange(tokens).repeat(experts) == tokens - 1, 3).astype(np.int64)
    inputs = {"i": {"last": last, "final": final}}
    assert config.cycles(inputs) == 3 * (tokens * experts * (1 + turns) + 1) + 1
    assert config.delay(inputs) == tokens * experts + 1


def test_the_memory_has_no_spare_word_where_experts_are_a_power_of_two():
    for experts in (1, 2, 16, 64):
        assert ExpertQueueConfig(experts=experts, tokens_max=129).depth == experts * 129
    assert ExpertQueueConfig(experts=6, tokens_max=4).depth == 30


REFUSED = [
    ({"experts": 65}, "expert_queue.experts must lie in 1..64, not 65"),
    ({"tokens_max": 0}, "expert_queue.tokens_max must lie in 1..4096, not 0"),
    ({"weight_bits": 17}, "expert_queue.weight_bits must lie in 1..16, not 17"),
    ({"turns": 3}, "expert_queue.turns must lie in 1..2, not 3"),
]


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        ExpertQueueConfig(**values)
    assert str(caught.value) == line
