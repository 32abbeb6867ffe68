# SPDX-License-Identifier: BSD-2-Clause
"""Plan of the tables: which code reads which entry, and a walk that visits all entries by one addition each.

An entry is a sum of the group's activations with weights -1, 0 or 1. Neighbours on the walk differ in
one weight, so that one adder makes an entry per cycle. The walk is the reflected Gray code in base 3
(base 2 for bit planes). Its second half starts behind the zero and meets exactly one of each pair of
opposite entries: that is the half table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Method = Literal["select", "fold", "half", "full", "bitplane"]
Trits = tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One addition: the entry before it, plus or minus activation ``element``, twice that if ``double``.

    Attributes
    ----------
    address : int or None
        Where the sum is written; None on the way to the first entry.
    """

    element: int
    negate: bool
    double: bool
    address: int | None


def base3(trits: Sequence[int]) -> int:
    """Read trits as a number in base 3, the first most significant: -(3**n - 1) / 2 to (3**n - 1) / 2."""
    value = 0
    for trit in trits:
        value = 3 * value + trit
    return value


def reflected(digits: Sequence[int], length: int) -> list[Trits]:
    """Give the reflected Gray code: all words over ``digits``, neighbours one digit apart by one place."""
    words: list[Trits] = [()]
    for _ in range(length):
        # The new digit turns fastest, up and down in turn; up in the middle, so that positive words follow the centre.
        up = len(words) // 2 % 2
        words = [
            (*word, digit)
            for index, word in enumerate(words)
            for digit in (digits if index % 2 == up else list(reversed(digits)))
        ]
    return words


def entries(method: Method, group: int) -> list[tuple[Trits, int]]:
    """Give the weights and the address of each entry, in the order of the walk."""
    match method:
        case "half":
            words = reflected((-1, 0, 1), group)
            return [(word, abs(base3(word))) for word in words[len(words) // 2 + 1 :]]
        case "full":
            centre = 3**group // 2
            return [(word, base3(word) + centre) for word in reflected((-1, 0, 1), group)]
        case "bitplane":
            # Activation 0 always counts plus; bit j of the address tells that activation j + 1 does.
            words = reflected((-1, 1), group - 1)
            address = [sum((digit > 0) << j for j, digit in enumerate(word)) for word in words]
            return [((1, *word), place) for word, place in zip(words, address, strict=True)]
    return []


def walk(method: Method, group: int) -> tuple[Step, ...]:
    """Give the steps that make all entries, starting from zero."""
    found = entries(method, group)
    steps: list[Step] = []
    if found:
        first, address = found[0]
        way = [(index, trit) for index, trit in enumerate(first) if trit]
        steps += [Step(index, trit < 0, False, None) for index, trit in way]
        steps[-1] = Step(way[-1][0], way[-1][1] < 0, False, address)
    for (before, _), (after, address) in pairwise(found):
        ((index, change),) = [(i, b - a) for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
        steps.append(Step(index, change < 0, abs(change) == 2, address))
    return tuple(steps)
