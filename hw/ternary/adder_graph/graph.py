# SPDX-License-Identifier: BSD-2-Clause
"""A constant ternary matrix as a graph of additions and subtractions.

Operands are numbered: the inputs first, then the nodes, each after what it reads. No node negates unless
it must: a sum of two negative terms is kept as the positive sum with a sign for whoever reads it, and a
subtraction is as cheap as an addition. Only a row whose terms are all negative needs a negation.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.ternary.adder_graph.sharing import Pair, Terms, share


@dataclass(frozen=True)
class Node:
    """``left + right``, or ``left - right`` if ``minus``; with nothing on the left the negative of ``right``."""

    left: int | None
    right: int
    minus: bool = False

    @property
    def operands(self) -> tuple[int, ...]:
        """What it reads."""
        return (self.right,) if self.left is None else (self.left, self.right)


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which each follows what it reads.

    Attributes
    ----------
    inputs : int
        Operands that are inputs.
    nodes : tuple of Node
        Operand ``inputs + n`` is node ``n``.
    roots : tuple
        The operand that is each output; None for an output that is always zero.
    """

    inputs: int
    nodes: tuple[Node, ...]
    roots: tuple[int | None, ...]

    @property
    def depths(self) -> list[int]:
        """Additions on the longest way to each operand."""
        found = [0] * self.inputs
        for node in self.nodes:
            found.append(1 + max(found[operand] for operand in node.operands))
        return found

    def ranges(self, low: int, high: int) -> list[tuple[int, int]]:
        """Give the least and the greatest value of each operand for inputs in ``low..high``.

        The operands of a node never share an input, so that the sums of their bounds are reached.
        """
        found = [(low, high)] * self.inputs
        for node in self.nodes:
            least, most = found[node.right]
            if node.minus:
                least, most = -most, -least
            if node.left is not None:
                least, most = found[node.left][0] + least, found[node.left][1] + most
            found.append((least, most))
        return found


def build(matrix: NDArray[np.int64], sharing: str) -> Graph:
    """Give a graph for ``matrix @ x``.

    Parameters
    ----------
    matrix : ndarray
        (outputs, inputs) of -1, 0, 1.
    sharing : str
        ``pairs`` shares common sums of outputs, ``none`` gives each output a tree of its own.
    """
    inputs = matrix.shape[1]
    if sharing == "pairs":
        rows, pairs = share(matrix)
    else:
        rows, pairs = [{int(k): int(row[k]) for k in np.flatnonzero(row)} for row in matrix], []
    rows, pairs = _turn(inputs, rows, pairs)
    nodes = [Node(pair.left, pair.right, pair.minus) for pair in pairs]
    depth = Graph(inputs, tuple(nodes), ()).depths
    _negate(rows, nodes, depth)
    roots = [_tree(row, nodes, depth) for row in rows]
    return Graph(inputs, tuple(nodes), tuple(roots))


def _negative(row: Terms) -> bool:
    """Whether all terms of a row are negative."""
    return bool(row) and max(row.values()) < 0


def _turn(inputs: int, rows: list[Terms], pairs: list[Pair]) -> tuple[list[Terms], list[Pair]]:
    """Write shared differences the other way round, ``b - a`` for ``a - b``, where that spares a row its negation."""
    rows, pairs = [dict(row) for row in rows], list(pairs)
    readers = [[row for row in rows if inputs + n in row] for n in range(len(pairs))]
    for row in rows:
        for operand in sorted(row) if _negative(row) else ():
            if operand < inputs or not pairs[operand - inputs].minus:
                continue
            users = [n for n, pair in enumerate(pairs) if operand in (pair.left, pair.right)]
            # In `operand - right` the turned term would be one of two negative ones.
            stuck = any(pairs[n].minus and pairs[n].left == operand for n in users)
            turned = [{**user, operand: -user[operand]} for user in readers[operand - inputs]]
            if stuck or any(map(_negative, turned)):
                continue
            for user in readers[operand - inputs]:
                user[operand] = -user[operand]
            for n in users:
                other = pairs[n].left if pairs[n].right == operand else pairs[n].right
                pairs[n] = Pair(other, operand, not pairs[n].minus)
            pair = pairs[operand - inputs]
            pairs[operand - inputs] = Pair(pair.right, pair.left, True)
            break
    return rows, pairs


def _negate(rows: Sequence[Terms], nodes: list[Node], depth: list[int]) -> None:
    """Give each row a positive term; rows that have none share the negatives of few terms."""
    while lacking := [row for row in rows if _negative(row)]:
        votes = [operand for row in lacking for operand in row]
        chosen = min(set(votes), key=lambda operand: (-votes.count(operand), depth[operand], operand))
        nodes.append(Node(None, chosen, minus=True))
        depth.append(depth[chosen] + 1)
        for row in lacking:
            if chosen in row:
                del row[chosen]
                row[len(depth) - 1] = 1


def _tree(row: Terms, nodes: list[Node], depth: list[int]) -> int | None:
    """Add the terms of a row, the shallowest two first, which gives the least depth."""
    heap = [(depth[operand], operand, sign) for operand, sign in row.items()]
    heapq.heapify(heap)
    while len(heap) > 1:
        _, a, sign_a = heapq.heappop(heap)
        _, b, sign_b = heapq.heappop(heap)
        if sign_a == sign_b:
            nodes.append(Node(a, b))
        else:
            nodes.append(Node(a, b, True) if sign_a > 0 else Node(b, a, True))
        depth.append(1 + max(depth[a], depth[b]))
        heapq.heappush(heap, (depth[-1], len(depth) - 1, sign_a if sign_a == sign_b else 1))
    return heap[0][1] if heap else None
