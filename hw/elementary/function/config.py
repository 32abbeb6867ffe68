# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the function unit."""

from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.config import RoomConfig, choice, integer
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import PayloadField, StreamPort
from gatewright.hw.elementary.certify import Certificate
from gatewright.hw.elementary.function import maths
from gatewright.hw.elementary.function.design import Design
from gatewright.hw.elementary.function.search import WIDEST, Request, best_design, certificate
from gatewright.hw.elementary.plan import bits_of


class FunctionConfig(RoomConfig):
    """Evaluate a function of ``lanes`` fixed-point numbers a beat, within a certified error.

    A code ``c`` of F fraction bits means ``c / 2**F``. The result is within ``max_error_milli_ulp`` of the
    real function, clamped to what the output can hold, infinite values included.
    """

    room: ClassVar[str] = "function"

    function: maths.Name = choice("exp", doc="The function; exp2 and log2 are to base 2.")
    lanes: int = integer(1, 1, 16, doc="Elements per beat, all in parallel.")
    argument: Literal["natural", "signed", "unsigned", "negative"] = choice(
        "natural",
        doc="Meaning of an input code: two's complement, unsigned, or the magnitude of a number that is not "
        "positive (exp, exp2). Natural is signed, but unsigned for reciprocal, rsqrt and log2.",
    )
    in_bits: int = integer(16, 2, 24, unit="bits", doc="Width of an input.")
    in_fraction: int = integer(12, 0, 32, unit="bits", doc="Fraction bits of an input.")
    out_bits: int = integer(16, 1, 24, unit="bits", doc="Width of an output.")
    out_fraction: int = integer(12, 0, 32, unit="bits", doc="Fraction bits of an output.")
    max_error_milli_ulp: int = integer(
        1000, 500, 64000, unit="1/1000", doc="Largest error allowed, in thousandths of the output's last place."
    )
    structure: Literal["auto", "word", "reduced"] = choice(
        "auto",
        doc="One kernel over the input word, or range reduction: a product of two tables (exp, exp2), a "
        "normalised mantissa (reciprocal, rsqrt, log2), a folded sign (sigmoid, tanh). Auto takes the cheaper.",
    )
    kernel: Literal["auto", "table", "linear", "quadratic"] = choice(
        "auto", doc="Degree of the kernel's polynomials; auto takes the cheapest. A product needs auto."
    )
    storage: Literal["logic", "memory"] = choice(
        "logic", doc="Tables out of LUTs, or written as memories, which synthesis may put into block RAM."
    )
    multiplier_luts: int = integer(
        150, 0, 10000, unit="LUTs", doc="What a hard multiplier may cost when auto compares; large to avoid them."
    )

    def check(self) -> None:
        """Check the rules between fields, and that some design meets the error."""
        if self.function in maths.NORMALISED:
            self._refuse_sign({"natural", "unsigned"})
        elif self.function in maths.FOLDED:
            self._refuse_sign({"natural", "signed"})
        self.require(
            self.kernel == "auto" or self.structure != "reduced" or self.function not in maths.EXPONENTIAL,
            f"kernel must be auto for the reduced structure of function {self.function}, not {self.kernel!r}",
        )
        self.require(
            self.structure != "word" or self.in_bits <= WIDEST,
            f"in_bits must be at most {WIDEST} for structure word, not {self.in_bits}",
        )
        least = self.least_out_bits
        self.require(
            self.out_bits >= least,
            f"out_bits must be at least {least} for function {self.function} with {self.out_fraction} fraction bits, "
            f"not {self.out_bits}",
        )
        try:
            best_design(self.request)
        except ValueError as error:
            raise ConfigError(
                f"function.max_error_milli_ulp must be larger for this format and structure, not "
                f"{self.max_error_milli_ulp} ({error}); raise it, or set structure and kernel to auto"
            ) from None

    def _refuse_sign(self, allowed: set[str]) -> None:
        self.require(
            self.argument in allowed,
            f"argument must be {' or '.join(sorted(allowed))} for function {self.function}, not {self.argument!r}",
        )

    @property
    def least_out_bits(self) -> int:
        """Least width of an output."""
        match self.function:
            case "sigmoid":
                return max(1, self.out_fraction)
            case "tanh":
                return self.out_fraction + 1
            case "log2":
                ends = (self.in_bits - self.in_fraction - 1, -self.in_fraction)
                return self.out_fraction + max(bits_of(end, signed=True) for end in ends)
        return 1

    @property
    def sign(self) -> str:
        """The argument's meaning, natural resolved."""
        if self.argument != "natural":
            return self.argument
        return "unsigned" if self.function in maths.NORMALISED else "signed"

    @property
    def out_signed(self) -> bool:
        """Whether an output is two's complement: tanh and log2."""
        return self.function in ("tanh", "log2")

    @property
    def request(self) -> Request:
        """What the design depends on."""
        return Request(
            self.function, self.sign, self.in_bits, self.in_fraction, self.out_bits, self.out_fraction,
            self.out_signed, self.max_error_milli_ulp / 1000, self.structure, self.kernel, self.multiplier_luts,
        )  # fmt: skip

    @property
    def design(self) -> Design:
        """The cheapest design within the error."""
        return best_design(self.request)

    def exact(self, codes: Ints) -> NDArray[np.float64]:
        """Give the real function of unsigned input codes, in units of the output's last place, clamped."""
        return self.request.exact(codes)

    @cached_property
    def certificate(self) -> Certificate:
        """The error over every input, computed here and now from the golden model."""
        return certificate(self.request)

    @property
    def certified_ulp(self) -> float:
        """The largest error of any input, in units of the output's last place."""
        return self.certificate.error

    @property
    def table_bits(self) -> int:
        """Bits of tables per lane."""
        return self.design.table_bits

    @property
    def multipliers(self) -> int:
        """Hard multipliers per lane."""
        return self.design.multipliers

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Arguments."""
        x = PayloadField("x", self.in_bits, signed=self.sign == "signed", shape=(self.lanes,))
        return (StreamPort("i", (x, PayloadField("last", 1)), "Arguments."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Results."""
        y = PayloadField("y", self.out_bits, signed=self.out_signed, shape=(self.lanes,))
        return (StreamPort("o", (y, PayloadField("last", 1)), "Results, in input order."),)

    @property
    def latency(self) -> int:
        """Registers from input to output."""
        return self.design.latency
