# SPDX-License-Identifier: BSD-2-Clause
"""The hardware of each design, one lane."""

from amaranth import Cat, Const, Mux, Value

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.elementary import kernel
from gatewright.hw.elementary.function.design import Design, Direct, Fold, Normal, Split


def lane(pipe: Pipe, design: Design, x: Value, name: str, storage: kernel.Storage) -> Value:
    """Build ``design`` of the code ``x``; ``design.latency`` registers, the last one holds the result."""
    match design:
        case Direct():
            return kernel.evaluate(pipe, design.kernel, x.as_unsigned(), name, storage)
        case Split():
            return _split(pipe, design, x.as_unsigned(), name, storage)
        case Normal():
            return _normal(pipe, design, x.as_unsigned(), name, storage)
        case Fold():
            return _fold(pipe, design, x.as_unsigned(), name, storage)
    raise TypeError(f"no hardware for {type(design).__name__}")


def _split(pipe: Pipe, design: Split, x: Value, name: str, storage: kernel.Storage) -> Value:
    """Multiply the two tables' entries."""
    v = (x ^ design.flip)[design.dropped :]
    fine_bits = design.fine.arg_bits
    coarse = kernel.evaluate(pipe, design.coarse, v[fine_bits:], f"{name}_coarse", storage)
    coarse = pipe(coarse, f"{name}_coarse", design.fine.latency - design.coarse.latency)
    fine = kernel.evaluate(pipe, design.fine, v[:fine_bits], f"{name}_fine", storage)
    product = pipe((coarse * fine)[design.drop :], f"{name}_product")
    result = product[: design.out_bits]
    if design.overflow:
        result = pipe(result | product[design.out_bits :].any().replicate(design.out_bits), f"{name}_y")
    return result


def _normal(pipe: Pipe, design: Normal, x: Value, name: str, storage: kernel.Storage) -> Value:
    """Shift leading zeros out, evaluate the mantissa, then shift back or append."""
    mantissa, count = _normalise(pipe, design, x, name)
    saturates = _saturates(design, mantissa, count)
    argument = mantissa if design.pairs else mantissa[:-1]
    value = kernel.evaluate(pipe, design.kernel, argument[design.dropped :], name, storage)
    depth = design.kernel.latency
    if design.whole:
        whole = pipe((Const(design.top) - count).as_signed(), f"{name}_whole", depth)
        total = (whole << design.fraction) + value
        low = -(1 << (design.out_bits - 1))
        result = Mux(pipe(saturates, f"{name}_saturates", depth), low, total)
        return pipe(result[: design.out_bits], f"{name}_y").as_signed()
    shift = pipe((design.top - count)[: design.top.bit_length()], f"{name}_shift", depth)
    return _shift_back(pipe, design, value, shift, pipe(saturates, f"{name}_saturates", depth), name)


def _normalise(pipe: Pipe, design: Normal, x: Value, name: str) -> tuple[Value, Value]:
    """Count and remove leading zeros, large steps first; a register halfway and one at the end."""
    counted: list[Value] = []
    for bit in reversed(range(design.count_bits)):
        distance = 1 << bit + design.pairs
        zeros = ~x[design.in_bits - distance :].any()
        x = Mux(zeros, x << distance, x)[: design.in_bits]
        counted = [zeros, *counted]
        if bit == design.count_bits // 2:
            x, counted = pipe(x, f"{name}_x"), [pipe(Cat(counted), f"{name}_counted")]
    if not design.count_bits:
        x = pipe(x, f"{name}_x")
    return pipe(x, f"{name}_mantissa"), pipe(Cat(counted), f"{name}_count")


def _saturates(design: Normal, mantissa: Value, count: Value) -> Value:
    """Tell what no shift can represent, zero included: its count is the largest that the bits allow."""
    limit = design.most if design.whole else design.top
    if (1 << design.count_bits) - 1 > limit:
        return count > limit
    return ~mantissa[-1 - design.pairs :].any()


def _shift_back(pipe: Pipe, design: Normal, value: Value, shift: Value, saturates: Value, name: str) -> Value:
    """Shift right in two cycles, then round and saturate."""
    value = value[design.guard - design.rounding :]
    bits = len(shift)
    for bit in reversed(range(bits)):
        value = Mux(shift[bit], value >> (1 << bit), value)
        if bit == bits // 2:
            value, shift = pipe(value, f"{name}_shifted"), pipe(shift[:bit], f"{name}_shift")
            saturates = pipe(saturates, f"{name}_saturates")
    if not bits:
        value, saturates = pipe(value, f"{name}_shifted"), pipe(saturates, f"{name}_saturates")
    if design.rounding:
        value = (value + 1) >> 1
    if design.overflow:
        saturates = saturates | value[design.out_bits :].any()
    return pipe(value[: design.out_bits] | saturates.replicate(design.out_bits), f"{name}_y")


def _fold(pipe: Pipe, design: Fold, x: Value, name: str, storage: kernel.Storage) -> Value:
    """Evaluate the magnitude, then mirror."""
    negative = x[-1]
    inverted = x[:-1] ^ negative.replicate(design.in_bits - 1)
    if design.exact:
        magnitude = pipe((inverted + negative)[: design.in_bits], f"{name}_magnitude")
        negative = pipe(negative, f"{name}_negative")
    else:
        magnitude = inverted
    value = kernel.evaluate(pipe, design.kernel, magnitude[design.dropped :], name, storage)
    negative = pipe(negative, f"{name}_negative", design.kernel.latency)
    signed = design.mirror == 0
    code_bits = design.out_bits - signed
    wide = Cat(value, Const(0, max(0, design.out_bits - len(value))))[: design.out_bits]
    mirror = negative << design.mirror.bit_length() - 1 if design.mirror else Const(0, 1)
    result = ((wide ^ negative.replicate(design.out_bits)) + (mirror | negative))[: design.out_bits]
    if design.overflow:
        result = Mux(~negative & value[code_bits], (1 << code_bits) - 1, result)
    result = pipe(result[: design.out_bits], f"{name}_y")
    return result.as_signed() if signed else result
