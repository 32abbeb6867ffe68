# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the norms, the plan of their integer arithmetic, their error bound and their timing."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Literal

import numpy as np

from gatewright.hw.core.config import RoomConfig, choice, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort
from gatewright.hw.dataflow.fifo.config import FifoConfig
from gatewright.hw.quantise.quantise_rows.config import QuantiseRowsConfig

_FINE = 2  # low bits of the exponent that extra digits of the scale absorb; the lanes shift by the rest

_FACTOR_BITS = 18  # signed factor of a hardware multiplier


class NormConfig(RoomConfig):
    """Divide each row by its root mean square, or by its standard deviation about its mean.

    A row is a packet of up to ``row_beats`` beats. A shorter one counts as filled up with zeros, so
    where ``lanes`` does not divide ``elements`` (kind ``rms``) the sender leaves the last lanes zero.

    With ``n`` elements, ``s`` their sum and ``v`` the sum of their squares plus ``epsilon``:

    - ``rms``: ``x * sqrt(n) / sqrt(v)``,
    - ``layer``: ``(n * x - s) / sqrt(n * v - s**2)``; no product is rounded and the radicand is a sum
      of squares of differences, so it can't be negative.
    """

    room: ClassVar[str] = "norm"

    kind: Literal["rms", "layer"] = choice("rms", doc="RMSNorm, or LayerNorm with mean and bias.")
    output: Literal["static", "dynamic"] = choice(
        "static",
        doc="Fixed output scale, or each row quantised by its own largest magnitude, which leaves beside it as scale.",
    )
    lanes: int = integer(1, 1, 16, doc="Elements per beat, all in parallel.")
    elements: int = integer(256, 2, 4096, doc="Elements of a row, over which the mean is taken.")
    in_bits: int = integer(8, 3, 16, unit="bits", doc="Width of an element, two's complement.")
    weight_bits: int = integer(8, 2, 16, unit="bits", doc="Width of a gain, two's complement.")
    weight_fraction: int = integer(
        2, 0, 16, unit="bits", doc="Fraction bits of gain and bias, whose unit is then a step of the output."
    )
    bias_bits: int = integer(10, 2, 24, unit="bits", doc="Width of a bias, two's complement; static layer only.")
    out_bits: int = integer(8, 3, 16, unit="bits", doc="Width of a result, two's complement.")
    epsilon: int = integer(
        0, 0, 2**30, doc="Added to the sum of squares: elements * eps / step**2, with step the value of an input of 1."
    )
    guard_bits: int = integer(
        4, 1, 8, unit="bits", doc="Digits of the root beyond the output's; each halves the error beyond rounding."
    )
    digits: int = integer(1, 1, 2, doc="Digits of the root, then of what is divided by it, that a cycle finds.")

    def check(self) -> None:
        """Keep lanes without an element away from a mean, and the constant that is divided above one."""
        self.require(
            self.kind == "rms" or self.elements % self.lanes == 0,
            f"elements must be a multiple of lanes = {self.lanes} for kind layer, not {self.elements}",
        )
        most = 4**self.root_bits
        self.require(
            self.elements <= most,
            f"elements must be at most {most} with out_bits + guard_bits = {self.root_bits}, not {self.elements}",
        )

        most = 40 - self.centred_bits  # what the row quantiser takes
        self.require(
            self.output == "static" or self.weight_bits <= most,
            f"weight_bits must be at most {most} for a dynamic output of these elements, not {self.weight_bits}",
        )

    @property
    def row_beats(self) -> int:
        """Beats of the longest row."""
        return -(-self.elements // self.lanes)

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Rows, and one gain (and bias) for each of their elements."""
        rows = PayloadField("x", self.in_bits, True, (self.lanes,)), PayloadField("last", 1)
        affine = [PayloadField("weight", self.weight_bits, True, (self.lanes,))]
        if self.has_bias:
            affine.append(PayloadField("bias", self.bias_bits, True, (self.lanes,)))
        return (
            StreamPort("i", rows, "Rows of 1..row_beats beats; last ends a row."),
            StreamPort("i_weight", tuple(affine), "Gains and biases, a beat for each beat of i."),
        )

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Normalised rows."""
        fields = [PayloadField("q", self.out_bits, True, (self.lanes,))]
        if self.output == "dynamic":
            fields.append(PayloadField("scale", self.peak_bits))
        return (StreamPort("o", (*fields, PayloadField("last", 1)), "Normalised rows, in input order."),)

    @property
    def has_bias(self) -> bool:
        """Whether a bias comes with the gain. A dynamic output has none: its root could not cancel."""
        return self.kind == "layer" and self.output == "static"

    # --- the sums of a row ---

    @property
    def odd(self) -> int:
        """Odd part of ``elements``: what multiplying by it costs beyond wiring."""
        return self.elements >> self.zeros

    @property
    def zeros(self) -> int:
        """Power of two in ``elements``."""
        return (self.elements & -self.elements).bit_length() - 1

    @property
    def sum_bits(self) -> int:
        """Width of the sum of a row, two's complement."""
        return ((self.elements << (self.in_bits - 1)) - 1).bit_length() + 1

    @property
    def total_square_bits(self) -> int:
        """Width of the square of that sum."""
        return ((self.elements << (self.in_bits - 1)) ** 2).bit_length()

    @property
    def square_factor(self) -> int:
        """What squares are multiplied by as they are summed; the rest of ``elements`` is wiring."""
        return self.odd if self.kind == "layer" else 1

    @property
    def square_bits(self) -> int:
        """Width of the sum of squares times `square_factor`, ``epsilon`` included."""
        most = (self.elements << (2 * self.in_bits - 2)) + self.epsilon
        return (most * self.square_factor).bit_length()

    @property
    def radicand_least(self) -> int:
        """Smallest radicand of a row that is not all zero, or all equal."""
        if self.kind == "layer":  # one element differs from all others, by one
            return self.elements - 1 + self.elements * self.epsilon
        return 1 + self.epsilon

    @property
    def radicand_most(self) -> int:
        """Largest radicand: all elements extreme, for ``layer`` half of them at either end."""
        if self.kind == "layer":
            return (self.elements * ((1 << self.in_bits) - 1)) ** 2 // 4 + self.elements * self.epsilon
        return (self.elements << (2 * self.in_bits - 2)) + self.epsilon

    # --- the inverse root: digits of the root, then digits of a constant over the root ---

    @property
    def pairs(self) -> int:
        """Pairs of bits of the radicand: digits of its root."""
        return (self.radicand_most.bit_length() + 1) // 2

    @property
    def root_bits(self) -> int:
        """Significant digits of the root."""
        return self.out_bits + self.guard_bits

    @property
    def root_steps(self) -> int:
        """Steps that find the digits of any root, leading zeros included."""
        zeros = self.pairs - (self.radicand_least.bit_length() + 1) // 2
        return max(zeros + self.root_bits, self.pairs)

    @property
    def exponent_bits(self) -> int:
        """Width of the exponent: it counts the steps in which the root already has all its digits."""
        return (self.root_steps - self.root_bits).bit_length()

    @property
    def shift_codes(self) -> int:
        """Positions of the lanes' shifters."""
        return ((self.root_steps - self.root_bits) >> _FINE) + 1

    @property
    def numerator(self) -> int:
        """What the root divides: for ``rms`` the root of ``elements`` times a power of two, else a power of two."""
        if self.kind == "layer":
            return 1 << self.root_bits
        return (math.isqrt(self.elements << (2 * self.numerator_fraction + 2)) + 1) >> 1

    @property
    def numerator_fraction(self) -> int:
        """Fraction bits of `numerator`, which so fits below any root."""
        return self.root_bits - ((self.elements - 1).bit_length() + 1) // 2 if self.kind == "rms" else self.root_bits

    @property
    def quotient_bits(self) -> int:
        """Digits of the quotient whatever the exponent."""
        return self.root_bits + 1

    @property
    def scale_bits(self) -> int:
        """Width of a row's scale: the quotient, and up to three digits more that take the exponent's low bits."""
        return self.quotient_bits + (1 << _FINE) - 1

    # --- the lanes ---

    @property
    def centre_first(self) -> bool:
        """Whether lanes centre before they scale: if the difference fits the factor of a hardware multiplier.

        Else ``scale * x`` less ``scale * s`` is the same number from a narrower product.
        """
        return self.output == "dynamic" or self.centred_bits <= _FACTOR_BITS

    @property
    def fine_bits(self) -> int:
        """Low bits of the exponent that the scale absorbs."""
        return _FINE

    @property
    def centred_bits(self) -> int:
        """Width of what the scale multiplies: the element, or ``n * x - s``."""
        if self.kind == "rms":
            return self.in_bits
        return (self.elements * ((1 << self.in_bits) - 1)).bit_length() + 1

    @property
    def unit_fraction(self) -> int:
        """Fraction bits of the normalised element before its gain; of the scale, less those of the gain, if dynamic."""
        if self.output == "dynamic":
            return max(self.out_bits - 1 - self.weight_fraction + self.guard_bits, 0)
        return max(self.weight_bits - 1 - self.weight_fraction + self.guard_bits, 0)

    @property
    def unit_bits(self) -> int:
        """Width of the normalised element: none exceeds the root of ``elements``."""
        return self._unit_most.bit_length() + 1

    @property
    def _unit_most(self) -> int:
        return math.ceil((math.isqrt(self.elements << (2 * self.unit_fraction)) + 1) * (1 + self.scale_error))

    @property
    def peak_bits(self) -> int:
        """Width of a row's scale in the output, unsigned; dynamic output only."""
        return (self._unit_most << (self.weight_bits - 1)).bit_length()

    @property
    def scale_fraction(self) -> int:
        """Fraction bits of a row's scale in the output, which is the largest magnitude of the row's results."""
        return self.result_shift

    @property
    def unit_shift(self) -> int:
        """Right shift from the product with the scale to the normalised element, at shift code 0; may be negative."""
        distance = self.numerator_fraction + self.quotient_bits - 1 - self.root_bits + self.pairs - self.unit_fraction
        return distance - (self.root_steps - self.root_bits) + (1 << _FINE) - 1

    @property
    def result_shift(self) -> int:
        """Fraction bits of the product with the gain, which the last step rounds away."""
        return self.weight_fraction + self.unit_fraction

    # --- accuracy ---

    @property
    def scale_error(self) -> float:
        """Bound on the relative error of a row's scale."""
        root = 1 / ((1 << self.root_bits) + 1)  # the root is known to a unit, and taken in its middle
        wanted = math.sqrt(self.elements) if self.kind == "rms" else 1.0
        constant = abs(self.numerator / (wanted * 2.0**self.numerator_fraction) - 1)
        least = (self.numerator << self.quotient_bits) // ((2 << self.root_bits) - 1)
        return (1 + root) * (1 + constant) * (1 + 1 / least) - 1

    @property
    def error_bound(self) -> float:
        """Bound on the distance from the real function, saturated alike, in steps of the output.

        Half a step to round; the scale's error on the largest product that does not saturate; what
        is cut off the normalised element, times the largest gain.
        """
        gain = 2.0 ** (self.weight_bits - 1 - self.weight_fraction)
        reach = 2.0 ** (self.out_bits - 1)
        if self.output == "dynamic":  # the root cancels, and what is left is exact
            return 0.5
        if self.kind == "layer":
            reach += 2.0 ** (self.bias_bits - 1 - self.weight_fraction)
        reach = min(reach, math.sqrt(self.elements) * gain)
        return 0.5 + reach * self.scale_error / (1 - self.scale_error) + gain * 2.0**-self.unit_fraction

    # --- parts of the dynamic output ---

    @property
    def quantiser(self) -> QuantiseRowsConfig:
        """The row quantiser. For ``rms`` rows wait in its store until their scale is known."""
        beats = self.row_beats
        if self.kind == "rms":
            beats += self.sum_cycles + self.scale_cycles + 4
        return QuantiseRowsConfig(
            lanes=self.lanes,
            in_bits=self.centred_bits + self.weight_bits,
            out_bits=self.out_bits,
            row_max=min(beats, 4096),
            engine="digits",
        )

    @property
    def scale_queue(self) -> FifoConfig:
        """Scales on their way to the quantised rows: one in use, one that waits."""
        return FifoConfig(depth=2, width=self.scale_bits + (self.shift_codes - 1).bit_length())

    # --- timing ---

    @property
    def tree_levels(self) -> int:
        """Registered levels of adders that sum a beat's lanes."""
        return (self.lanes - 1).bit_length()

    @property
    def sum_cycles(self) -> int:
        """Cycles from a row's last beat in to its sums: registers for element, square, tree, factor, sum."""
        return 3 + self.tree_levels + (self.square_factor > 1)

    @property
    def radicand_cycles(self) -> int:
        """Cycles from the sums to the radicand."""
        return {"rms": 0, "layer": 2}[self.kind]

    @property
    def root_cycles(self) -> int:
        """Cycles in which digits of the root are found; where they don't divide evenly, a zero comes first."""
        return -(-self.root_steps // self.digits)

    @property
    def divide_cycles(self) -> int:
        """Cycles in which digits of the scale are found; where they don't divide evenly, none comes last."""
        return -(-self.scale_bits // self.digits)

    @property
    def scale_cycles(self) -> int:
        """Cycles from the sums of a row to its scale."""
        return 1 + self.radicand_cycles + self.root_cycles + self.divide_cycles

    @property
    def smooth_beats(self) -> int:
        """Rows of as many beats, or more, follow each other without a bubble."""
        return self.scale_cycles + 1

    @property
    def centre_cycles(self) -> int:
        """Registers that subtract the mean: one after the factor, if there is one, and one after the difference."""
        return 0 if self.kind == "rms" else 1 + (self.odd > 1)

    @property
    def apply_cycles(self) -> int:
        """Cycles from a beat that leaves to its result: registers for scale, shift, gain, bias and rounding."""
        if self.output == "dynamic":
            return 2
        return self.centre_cycles + (4 if self.kind == "rms" else 5)

    @property
    def latency(self) -> int:
        """Of a row of one beat."""
        return next(self.leave([1])) + self.apply_cycles

    @property
    def store_bits(self) -> int:
        """Address width of the row store: the longest row, and what comes in until its scale is known."""
        beats = self.row_beats + self.sum_cycles + self.scale_cycles + 1
        return (min(beats, self._most_stored) - 1).bit_length()

    @property
    def store_fills(self) -> bool:
        """Whether the store can be full: not if it holds all rows that are under way at most."""
        return self._most_stored > 1 << self.store_bits

    @property
    def _most_stored(self) -> int:
        """Beats of a row that leaves, one whose scale is sought, one summed, and those before the sums."""
        return 3 * self.row_beats + self.sum_cycles

    def rows(self, inputs: Mapping[str, Beats]) -> Iterator[int]:
        """Give the length in beats of every complete row."""
        ends = np.flatnonzero(inputs["i"]["last"])
        yield from np.diff(ends, prepend=-1).tolist()

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """A row leaves when its scale is known."""
        length = next(self.rows(inputs), 1)
        return next(self.leave([length])) - length + 1 + self.apply_cycles

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Follow the rows to the last beat of the last."""
        return max(self.leave(self.rows(inputs)), default=0) + self.apply_cycles + 1

    def leave(self, rows: Iterable[int]) -> Iterator[int]:
        """Give the cycle in which the last beat of each row meets its scale, nothing stalling.

        While a row's sums wait, for the scale of the row before or for that row to leave, so does the input.
        """
        taken = waited = sought = released = 0
        left = [-1, -1]
        for length in rows:
            taken += length
            summed = taken - 1 + self.sum_cycles + waited
            start = max(summed, sought, released)
            waited += start - summed
            known = start + self.scale_cycles
            if self.output == "static":  # the scale moves on when the last beat of the row before leaves
                known = max(known, left[-1])
                left.append(known + length)
            else:  # two scales fill their queue
                known = max(known, left[-2] + 1)
                first = max(known, left[-1]) + 1
                if self.kind == "layer":
                    released = start + length
                    first = max(first, released + self.centre_cycles + 1 + self.quantiser.latency)
                left.append(first + length - 1)
            sought = known + 1
            yield left[-1]
