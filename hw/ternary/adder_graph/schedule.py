# SPDX-License-Identifier: BSD-2-Clause
"""When each node of a graph adds, so that few registers wait.

Time is counted in levels of additions, with a register behind every ``stage_adders`` of them. A node may add
as soon as its operands are there, or later. What it reads is kept until then, in registers that all readers
share; a sum that nobody needs yet is kept behind the node. Both are whole words, so where a node best stands
depends on who else reads its operands.
"""

from collections.abc import Sequence

from gatewright.hw.ternary.adder_graph.graph import Graph

_PASSES = 8


class Schedule:
    """Levels of all operands, and the registers that follow.

    Attributes
    ----------
    levels : list of int
        The level at which each operand is there; 0 for inputs.
    stages : int
        Registers from an input to every output.
    """

    def __init__(self, graph: Graph, bits: Sequence[int], stage_adders: int) -> None:
        self.graph, self.bits, self.pace = graph, bits, stage_adders
        self.levels = graph.depths
        used = [operand for operand in graph.roots if operand is not None]
        self.stages = max([1 + self.birth(operand) for operand in used], default=1)
        self._readers: list[list[int]] = [[] for _ in self.levels]
        for number, node in enumerate(graph.nodes, graph.inputs):
            for operand in node.operands:
                self._readers[operand].append(number)
        self._roots = set(used)
        for _ in range(_PASSES):
            if not sum([self._improve(number) for number in range(len(self.levels) - 1, graph.inputs - 1, -1)]):
                break

    def birth(self, operand: int) -> int:
        """Give the registers that lie before the sum, or an input, comes out of its adder."""
        return max(0, self.levels[operand] - 1) // self.pace

    def death(self, operand: int, without: int = -1) -> int:
        """Give the last stage in which something reads an operand, one reader left out."""
        if operand in self._roots:
            return self.stages
        return max((self.birth(user) for user in self._readers[operand] if user != without), default=0)

    @property
    def registers(self) -> int:
        """Bits of registers for data."""
        return sum(width * max(0, self.death(operand) - self.birth(operand)) for operand, width in enumerate(self.bits))

    def _improve(self, number: int) -> bool:
        """Move one node to where the fewest registers are needed, the earliest such level; tell whether it moved."""
        operands = self.graph.nodes[number - self.graph.inputs].operands
        earliest = 1 + max(self.levels[operand] for operand in operands)
        ends = [self.levels[user] - 1 for user in self._readers[number]]
        latest = min([*ends, *[self.stages * self.pace] * (number in self._roots)])
        death = self.death(number)
        others = [(self.bits[operand], self.death(operand, number)) for operand in operands]

        def cost(level: int) -> int:
            stage = (level - 1) // self.pace
            kept = sum(width * max(other, stage) for width, other in others)
            return kept - self.bits[number] * min(stage, death)

        best = min(range(earliest, latest + 1), key=lambda level: (cost(level), level))
        if cost(best) == cost(self.levels[number]):
            return False
        self.levels[number] = best
        return True
