# SPDX-License-Identifier: BSD-2-Clause
"""The lanes: centre, scale, shift, multiply by the gain, round and saturate."""

from amaranth import Array, Cat, Const, Mux, Value

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.nonlinear.norm.config import NormConfig
from gatewright.hw.nonlinear.norm.root import Scale
from gatewright.hw.nonlinear.norm.statistics import times


def normalise(
    pipe: Pipe, config: NormConfig, x: list[Value], weight: list[Value], bias: list[Value], scale: Scale
) -> list[Value]:
    """Normalise a beat in ``apply_cycles`` registers, the last of which is the result's."""
    late = config.centre_cycles
    digits = pipe(scale.digits, "digits", late if config.centre_first else late - 1)
    total = pipe(scale.total, "total", late - 1 if config.centre_first else late)
    code = pipe(scale.code, "code", late + 1)
    results = []
    for lane, element in enumerate(x):
        product = scaled(pipe, config, element, digits, total)
        unit = pipe(shift(config, product, code, config.unit_bits), f"unit_{lane}")
        gained = pipe(unit * pipe(weight[lane], f"weight_{lane}", late + 2), f"gained_{lane}")
        if config.has_bias:
            offset = Cat(Const(0, config.unit_fraction), pipe(bias[lane], f"bias_{lane}", late + 3)).as_signed()
            gained = pipe(gained + offset, f"offset_{lane}")
        results.append(pipe(finish(config, gained), f"q_{lane}"))
    return results


def scaled(pipe: Pipe, config: NormConfig, element: Value, digits: Value, total: Value) -> Value:
    """Centre and scale an element in ``1 + centre_cycles`` registers."""
    if config.centre_first:
        return pipe(centre(pipe, config, element, total) * digits, "scaled")
    product = pipe(multiple(pipe, config, element) * digits, "scaled")
    difference = Cat(Const(0, config.zeros), product).as_signed() - total
    return pipe(difference[: config.centred_bits + config.scale_bits].as_signed(), "difference")


def centre(pipe: Pipe, config: NormConfig, element: Value, total: Value) -> Value:
    """Give the element, or ``elements * element - total``."""
    if config.kind == "rms":
        return element
    shifted = Cat(Const(0, config.zeros), multiple(pipe, config, element)).as_signed()
    return pipe((shifted - total)[: config.centred_bits].as_signed(), "centred")


def multiple(pipe: Pipe, config: NormConfig, element: Value) -> Value:
    """Multiply by the odd part of ``elements``; the other is wiring."""
    return pipe(times(element, config.odd), "multiple", config.centre_cycles - 1)


def shift(config: NormConfig, product: Value, code: Value, width: int) -> Value:
    """Cut ``width`` bits out of the product with the scale; the bits above are copies of its sign."""
    low = config.unit_shift
    bits = product if low >= 0 else Cat(Const(0, -low), product)
    low = max(low, 0)
    highest = low + ((config.shift_codes - 1) << config.fine_bits) + width
    bits = Cat(bits, bits[-1].replicate(max(highest - len(bits), 0)))
    places = [low + (step << config.fine_bits) for step in range(config.shift_codes)]
    windows = Array(bits[place : place + width] for place in places)
    return (windows[code] if len(places) > 1 else windows[0]).as_signed()


def finish(config: NormConfig, value: Value) -> Value:
    """Round half up and saturate."""
    low = config.result_shift
    rounded = value[low:].as_signed() + (value[low - 1] if low else 0)
    top = config.out_bits - 1
    above, negative = rounded[top:-1], rounded[-1]
    most = (1 << top) - 1
    fits = Mux(negative, above.all(), ~above.any())
    return Mux(fits, rounded[: config.out_bits], Mux(negative, ~most, most)[: config.out_bits])
