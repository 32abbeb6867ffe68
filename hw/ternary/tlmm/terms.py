# SPDX-License-Identifier: BSD-2-Clause
"""Weighted activations without tables: the operands of the adder tree for methods select and fold."""

from collections.abc import Sequence
from typing import Any

from amaranth import Mux, Value

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.ternary.tlmm.config import TlmmConfig
from gatewright.hw.ternary.tlmm.tree import Part, add, hold


class Terms:
    """Operands of each output, made of activations that stand at the input for a whole sweep.

    Parameters
    ----------
    pipes : sequence of Pipe
        The registers of each stage.
    config : TlmmConfig
        Method and sizes.
    acts : Value
        (vectors, groups, group) activations.
    """

    def __init__(self, pipes: Sequence[Pipe], config: TlmmConfig, acts: Any) -> None:
        self.pipes, self.config = pipes, config
        # All outputs share the delays of the activations; a chain's second term joins its first at once.
        late = [max(0, place - 1) if config.method == "fold" else 0 for place in range(config.group)]
        self.acts = [
            [
                [self._late(x[group][place], f"x_{group}_{place}", late[place]) for x in acts]
                for place in range(config.group)
            ]
            for group in range(config.groups)
        ]

    def _late(self, value: Value, name: str, cycles: int) -> Value:
        """Delay what comes in."""
        for pipe in self.pipes[:cycles]:
            value = pipe(value, name)
        return value

    def parts(self, codes: Value, name: str) -> list[Part]:
        """Give the operands of one output, after ``config.leaf_stages`` cycles."""
        make = self._chain if self.config.method == "fold" else self._products
        return [part for group in range(self.config.groups) for part in make(codes[group], group, f"{name}_{group}")]

    def _products(self, code: Value, group: int, name: str) -> list[Part]:
        """Negate or not, take or not, as one would write it down."""
        found = []
        for place, acts in enumerate(self.acts[group]):
            nonzero, negate = code[2 * place], code[2 * place + 1]
            products = tuple(Mux(nonzero, Mux(negate, -x, x), 0) for x in acts)
            found.append(hold(self.pipes[0], Part(1, products), f"{name}_{place}"))
        return found

    def _chain(self, code: Value, group: int, name: str) -> list[Part]:
        """Add term after term, a register behind each: ``sum + ((x & nonzero) ^ negate) + negate`` is one chain."""
        total: Part | None = None
        for place, acts in enumerate(self.acts[group]):
            late = max(0, place - 1)
            pair = self._late(code[2 * place : 2 * place + 2], f"{name}_code{place}", late)
            nonzero, negate = pair[0], pair[1]
            mask, flip = (bit.replicate(self.config.act_bits).as_signed() for bit in (nonzero, negate))
            term = Part(1, tuple((x & mask) ^ flip for x in acts), negate)
            # The sum goes right: its own carry, the first term's, waits for the tree.
            total = term if total is None else add(self.config, term, total)
            if place or self.config.group == 1:
                total = hold(self.pipes[late], total, f"{name}_{place}")
        assert total is not None
        return [total]
