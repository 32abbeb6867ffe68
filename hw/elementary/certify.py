# SPDX-License-Identifier: BSD-2-Clause
"""Certify an integer function against the real one: every input, or every cell of inputs that give one result."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.numerics import Ints

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Certificate:
    """What was proved.

    Attributes
    ----------
    error : float
        No result is further from the real function than this, in units of the result's last place.
    slack : float
        What float64 may have got wrong of that; far below a thousandth.
    cells : int
        Cells examined: single inputs if `exhaustive`.
    exhaustive : bool
        Whether each cell is one input.
    """

    error: float
    slack: float
    cells: int
    exhaustive: bool


def certify(
    evaluate: Callable[[Ints], Ints], exact: Callable[[Ints], Reals], first: Ints, last: Ints
) -> Certificate:
    """Bound the error of ``evaluate`` on cells of consecutive inputs.

    Inputs ``first[i]..last[i]`` must give one result, and ``exact`` must be monotone on them: then it lies
    between its values at their ends, and so the largest error occurs at an end.

    Parameters
    ----------
    evaluate : callable
        Input codes to result codes.
    exact : callable
        Input codes to real results in units of the result's last place, correct to a few float64 roundings.
    first, last : numpy.ndarray
        Ends of each cell.

    Raises
    ------
    ValueError
        If the ends of a cell give different results.
    """
    got = evaluate(first)
    exhaustive = first is last or bool((first == last).all())
    if not exhaustive and (got != evaluate(last)).any():
        raise ValueError("a cell must give one result at both of its ends")
    error, largest = 0.0, 1.0
    for ends in (first,) if exhaustive else (first, last):
        real = exact(ends)
        error = max(error, float(np.abs(got - real).max()))
        largest = max(largest, float(np.abs(real).max()))
    # math and numpy promise errors of about one unit in the 53rd bit; 16 units leave room for scaling.
    return Certificate(error, largest * 2.0**-49, len(first), exhaustive)
