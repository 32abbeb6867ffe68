# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the activation."""

from fractions import Fraction
from functools import cache
from typing import ClassVar, Literal

import numpy as np

from gatewright.hw.core.config import RoomConfig, choice, flag, integer
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import PayloadField, StreamPort
from gatewright.hw.nonlinear.activation import edge_moe
from gatewright.hw.nonlinear.activation.functions import Function
from gatewright.hw.nonlinear.activation.plan import Symmetry, Task, polynomial_plan, table_plan

WIDEST = {"table": 12, "symmetry": 13, "polynomial": 16, "edge_moe": 32}

DEGREES = {"auto": (0, 1, 2), "constant": (0,), "linear": (1,), "quadratic": (2,)}


class ActivationConfig(RoomConfig):
    """Map codes ``x`` to codes of ``f(x)``, ``lanes`` a beat.

    A code stands for the real number ``(code - zero) * scale / 2**fraction``, on each side with its own.
    """

    room: ClassVar[str] = "activation"

    lanes: int = integer(1, 1, 16, doc="Elements per beat, all in parallel.")
    function: Function = choice(
        "gelu",
        doc="gelu is the erf form, gelu_tanh its tanh form, silu is x * sigmoid(x), relu2 is relu(x) squared.",
    )
    method: Literal["table", "symmetry", "polynomial", "edge_moe"] = choice(
        "symmetry",
        doc="table: a table of all inputs. symmetry: a table of half of them, relu(x) - delta(|x|) or a reflection. "
        "polynomial: fitted piecewise polynomials in place of that table. edge_moe: that paper's GELU, bit for bit.",
    )
    in_bits: int = integer(8, 3, 32, unit="bits", doc="Width of an input, two's complement.")
    in_scale: int = integer(1, 1, 65535, doc="Input step: in_scale / 2**in_fraction.")
    in_fraction: int = integer(4, 0, 48, unit="bits", doc="See in_scale.")
    in_zero: int = integer(0, -2048, 2047, doc="Input code of the real number 0; method table only.")
    out_bits: int = integer(8, 2, 32, unit="bits", doc="Width of an output.")
    out_signed: bool = flag(True, doc="Two's complement outputs.")
    out_scale: int = integer(1, 1, 65535, doc="Output step: out_scale / 2**out_fraction.")
    out_fraction: int = integer(4, 0, 48, unit="bits", doc="See out_scale.")
    out_zero: int = integer(0, -32768, 65535, doc="Output code of the real number 0.")
    max_error_milli_lsb: int = integer(
        1000, 500, 65535, unit="1/1000 output step", doc="Largest error short of saturation; method polynomial only."
    )
    degree: Literal["auto", "constant", "linear", "quadratic"] = choice(
        "auto", doc="Degree of the polynomials, auto for the fewest LUTs; method polynomial only."
    )

    def check(self) -> None:
        """Check the rules between fields, and that the method reaches the scales."""
        most = WIDEST[self.method]
        self.require(
            self.in_bits <= most,
            f"in_bits must be at most {most} for method {self.method}, not {self.in_bits}; "
            "wider inputs need method polynomial, of up to 16 bits",
        )
        high = (1 << (self.in_bits - 1)) - 1
        self.require(
            -high - 1 <= self.in_zero <= high,
            f"in_zero must lie in {-high - 1}..{high}, the range of the inputs, not {self.in_zero}",
        )
        self.require(
            self.in_zero == 0 or self.method == "table",
            f"in_zero must be 0 for method {self.method}, not {self.in_zero}; only method table takes others",
        )
        self.require(
            self.code_low <= self.out_zero <= self.code_high,
            f"out_zero must lie in {self.code_low}..{self.code_high}, the range of the outputs, not {self.out_zero}",
        )
        if self.method == "edge_moe":
            self._check_edge_moe()
        else:
            self.require(
                self.out_bits <= 24, f"out_bits must be at most 24 for method {self.method}, not {self.out_bits}"
            )
        if self.method == "symmetry":
            self.require(
                _table_plan(self.task) is not None,
                "method must be table or polynomial for these scales, not symmetry: "
                "no sum of few fraction bits gives the nearest code on both sides of 0",
            )
        if self.method == "polynomial":
            try:
                _polynomial_plan(self.task, self.max_error_milli_lsb, self.degree)
            except ValueError as error:
                self.require(
                    False,
                    f"max_error_milli_lsb must be larger for these scales, not {self.max_error_milli_lsb}: {error}",
                )

    def _check_edge_moe(self) -> None:
        wanted = {
            "function": "gelu", "out_bits": self.in_bits, "out_signed": True, "out_zero": 0, "in_scale": 1,
            "out_scale": 1, "in_fraction": edge_moe.FRACTION_BITS, "out_fraction": edge_moe.FRACTION_BITS,
        }  # fmt: skip
        for name, value in wanted.items():
            found = getattr(self, name)
            self.require(found == value, f"{name} must be {value} for method edge_moe, not {found}")
        # Narrower words would never reach the cut.
        self.require(self.in_bits >= 26, f"in_bits must lie in 26..32 for method edge_moe, not {self.in_bits}")

    @property
    def code_low(self) -> int:
        """Smallest output code."""
        return -(1 << (self.out_bits - 1)) if self.out_signed else 0

    @property
    def code_high(self) -> int:
        """Largest output code."""
        return (1 << (self.out_bits - self.out_signed)) - 1

    @property
    def task(self) -> Task:
        """What the method has to approximate, input zero point aside."""
        return Task(
            function=self.function, in_bits=self.in_bits, step=Fraction(self.in_scale, 1 << self.in_fraction),
            out_step=Fraction(self.out_scale, 1 << self.out_fraction), zero=self.out_zero,
            low=self.code_low, high=self.code_high,
        )  # fmt: skip

    @property
    def symmetry(self) -> Symmetry:
        """The half and its mirror; methods symmetry and polynomial."""
        if self.method == "polynomial":
            return _polynomial_plan(self.task, self.max_error_milli_lsb, self.degree)
        plan = _table_plan(self.task)
        assert plan is not None, "check has refused"
        return plan

    @property
    def codes(self) -> Ints:
        """Nearest output code of every input from the lowest on; methods table and symmetry."""
        return _codes(self.task, self.in_zero)

    @property
    def reach(self) -> tuple[int, int]:
        """Least and greatest output code."""
        if self.method == "edge_moe":
            return -1 << edge_moe.FRACTION_BITS, self.code_high  # nowhere below -0.17
        if self.method == "polynomial":
            plan = self.symmetry
            return max(plan.low, self.code_low), min(plan.high, self.code_high)
        return int(self.codes.min()), int(self.codes.max())

    @property
    def table_bits(self) -> int:
        """Bits of all tables of a lane."""
        match self.method:
            case "table":
                return self.out_bits << self.in_bits
            case "edge_moe":
                return edge_moe.TABLE_BITS
            case _:
                return self.symmetry.table_bits

    @property
    def multipliers(self) -> int:
        """Multipliers of a lane."""
        if self.method == "edge_moe":
            return 1
        kernel = self.symmetry.kernel if self.method == "polynomial" else None
        return kernel.multipliers if kernel else 0

    @property
    def max_error_lsb(self) -> float:
        """Largest promised error in output steps, where no code saturates."""
        match self.method:
            case "polynomial":
                return self.max_error_milli_lsb / 1000
            case "edge_moe":
                # A chord over a step of 1/32 under the largest curvature, 2*phi(0); an entry's and the sum's rounding.
                return 2 / (2 * np.pi) ** 0.5 / 8 / 32**2 * 2.0**edge_moe.FRACTION_BITS + 1.5
            case _:
                return 0.5

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Codes of x."""
        fields = (PayloadField("x", self.in_bits, True, (self.lanes,)), PayloadField("last", 1))
        return (StreamPort("i", fields, "Codes of x."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Codes of f(x)."""
        fields = (PayloadField("y", self.out_bits, self.out_signed, (self.lanes,)), PayloadField("last", 1))
        return (StreamPort("o", fields, "Codes of f(x), in input order."),)

    @property
    def latency(self) -> int:
        """Registers: the table's; else the magnitude's, the part's and the sum's."""
        match self.method:
            case "table":
                return 1
            case "edge_moe":
                return 4
            case _:
                return self.symmetry.magnitude + self.symmetry.depth + 1


@cache
def _table_plan(task: Task) -> Symmetry | None:
    return table_plan(task)


@cache
def _polynomial_plan(task: Task, milli: int, degree: str) -> Symmetry:
    return polynomial_plan(task, milli / 1000, DEGREES[degree])


@cache
def _codes(task: Task, zero: int) -> Ints:
    found = task.nearest(np.arange(-task.half, task.half) - zero)
    found.flags.writeable = False  # shared by all who ask
    return found
