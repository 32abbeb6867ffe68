# SPDX-License-Identifier: BSD-2-Clause
"""The engine that multiplies every lane by the row's reciprocal, and rounds as if it had divided."""

from amaranth import Mux, Value

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.quantise.quantise_rows.config import QuantiseRowsConfig
from gatewright.hw.quantise.requantise.parallel import multiply


def quotients(config: QuantiseRowsConfig, pipe: Pipe, x: list[Value], peak: Value) -> tuple[list[Value], Value]:
    """Multiply and round; give the quotients and the scale beside them. ``peak`` holds scale and reciprocal."""
    scale = pipe(peak[: config.in_bits], "scale", 1 + config.stages)
    factor = pipe(peak[config.in_bits :], "factor")
    elements = [pipe(element, "x") for element in x]
    unread = min(config.in_bits, config.limb_bits)  # where the second row of partial products starts
    products = [multiply(pipe, config.plan, config.product_bits, element, factor, unread) for element in elements]
    return [_round(config, product) for product in products], scale


def _round(config: QuantiseRowsConfig, product: Value) -> Value:
    """Round to nearest; see a tie although the product may lie on either side of it.

    A tie is less than ``2**(in_bits - 1)`` away from one half, all else is at least three times as far: above
    ``in_bits`` the fraction of a tie, and of nothing else, reads 0111..1 or 1000..0.
    """
    unit = config.fraction_bits
    floor, half = product[unit:], product[unit - 1]
    rest = product[config.in_bits : unit - 1]
    tie = (rest ^ half.replicate(len(rest))).all()
    return (floor + Mux(tie, floor[0], half))[: config.out_bits]
