# SPDX-License-Identifier: BSD-2-Clause
"""A kernel as C++ for HLS compilers: arbitrary-precision integers, streams, pragmas.

``ap_int`` gives sums and products all the bits that they need; what could lose bits or mix types (shifts,
selections, bitwise operations) is cast to the type of its result.
"""

from gatewright.hls_kernels import block as b
from gatewright.hls_kernels import expr as e
from gatewright.hls_kernels.block import Block, Loop, Put
from gatewright.hls_kernels.expr import Expr, Int, Vector
from gatewright.hls_kernels.kernel import Kernel
from gatewright.hw.core.ports import PayloadField

_PER_LINE = 12


def cpp(kernel: Kernel) -> str:
    """Write the header: the function on plain arrays, outputs last."""
    guard = f"GATEWRIGHT_{kernel.name.upper()}_HPP"
    arguments = [f"const {_declare(field)}" for field in kernel.inputs]
    arguments += [_declare(field, by_reference=True) for field in kernel.outputs]
    body = _block(kernel.block, "    ")
    for field in kernel.outputs:
        body += _store(field, kernel.results[field.name])
    lines = [
        f"#ifndef {guard}", f"#define {guard}", "", '#include "ap_int.h"', "", f"// {kernel.summary}",
        f"inline void {kernel.name}({', '.join(arguments)}) {{", *body, "}", "", "#endif", "",
    ]  # fmt: skip
    return "\n".join(lines)


def type_name(kind: Int) -> str:
    """Give the C++ type."""
    return f"ap_{'' if kind.signed else 'u'}int<{kind.bits}>"


def _declare(field: PayloadField, by_reference: bool = False) -> str:
    kind = type_name(Int(field.bits, field.signed))
    name = output_name(field) if by_reference else field.name
    if field.shape:
        return f"{kind} {name}[{field.shape[0]}]"
    return f"{kind}{' &' if by_reference else ' '}{name}"


def output_name(field: PayloadField) -> str:
    """Give the argument's name; statements may use the field's own."""
    return f"o_{field.name}"


def _store(field: PayloadField, value: Expr | Vector) -> list[str]:
    name = output_name(field)
    if not isinstance(value, Vector):
        return [f"    {name} = {bare(_expr(value))};"]
    return [f"    for (int n = 0; n < {value.length}; ++n) {{", "#pragma HLS UNROLL",
            f"        {name}[n] = {value.name}[n];", "    }"]  # fmt: skip


def _block(block: Block, indent: str) -> list[str]:
    lines: list[str] = []
    for statement in block.statements:
        match statement:
            case b.Let(name, value):
                lines.append(f"{indent}const {type_name(value.type)} {name} = {bare(_expr(value))};")
            case b.Table(vector, values):
                lines += _table(vector, values, indent)
            case Loop():
                lines += _loop(statement, indent)
    return lines


def _table(vector: Vector, values: tuple[int, ...], indent: str) -> list[str]:
    numbers = [_number(value) for value in values]
    rows = [", ".join(numbers[at : at + _PER_LINE]) for at in range(0, len(values), _PER_LINE)]
    inner = [f"{indent}    {row}," for row in rows]
    head = f"{indent}static const {type_name(vector.type)} {vector.name}[{vector.length}] = {{"
    return [head, *inner, f"{indent}}};"]


def _loop(loop: Loop, indent: str) -> list[str]:
    lines: list[str] = []
    for state, first in zip(loop.states, loop.first, strict=True):
        lines += _start(state, first, indent, filled=_fills(loop, state))
    i = loop.index.name
    lines.append(f"{indent}for (int {i} = 0; {i} < {loop.count}; ++{i}) {{")
    lines.append("#pragma HLS UNROLL" if loop.parallel else "#pragma HLS PIPELINE II=1")
    inner = indent + "    "
    lines += _block(loop.body, inner)
    lines += _next_states(loop, inner)
    return [*lines, f"{indent}}}"]


def _next_states(loop: Loop, indent: str) -> list[str]:
    """Assign all next states; each follows from the old ones, and so do the places of elements."""
    steps: list[tuple[str, str, Expr]] = []  # what is assigned, name of the value, value
    places: list[str] = []
    for state, following in zip(loop.states, loop.following, strict=True):
        if not isinstance(following, Put):
            steps.append((state.name, type_name(state.type), following))
            continue
        for place, value in following.places:
            at = bare(_expr(place))
            if len(following.places) > 1 and not isinstance(place, e.Const):
                places.append(f"{indent}const int {state.name}_{len(places)}_at = {at};")
                at = f"{state.name}_{len(places) - 1}_at"
            steps.append((f"{state.name}[{at}]", type_name(state.type), value))
    if len(steps) == 1:  # nothing else reads the old state
        return [f"{indent}{steps[0][0]} = {bare(_expr(steps[0][2]))};"]
    values = [f"{indent}const {kind} next_{n} = {bare(_expr(value))};" for n, (_, kind, value) in enumerate(steps)]
    return [*places, *values, *(f"{indent}{target} = next_{n};" for n, (target, _, _) in enumerate(steps))]


def _fills(loop: Loop, state: e.Name | Vector) -> bool:
    """Tell whether a loop writes all elements of an array in turn, so that none needs a start value."""
    following = loop.following[loop.states.index(state)]
    return (
        isinstance(state, Vector) and isinstance(following, Put) and loop.count == state.length
        and len(following.places) == 1 and following.places[0][0] == loop.index
    )  # fmt: skip


def _start(state: e.Name | Vector, first: Expr | int | Vector, indent: str, filled: bool) -> list[str]:
    kind = type_name(state.type)
    if not isinstance(state, Vector):
        assert isinstance(first, Expr)
        return [f"{indent}{kind} {state.name} = {_expr(first)};"]
    pragma = f"#pragma HLS ARRAY_PARTITION variable={state.name} complete"
    lines = [f"{indent}{kind} {state.name}[{state.length}];", pragma]
    if filled and not isinstance(first, Vector):
        return lines
    value = f"{first.name}[n]" if isinstance(first, Vector) else str(first)
    return [*lines, f"{indent}for (int n = 0; n < {state.length}; ++n) {{", "#pragma HLS UNROLL",
            f"{indent}    {state.name}[n] = {value};", f"{indent}}}"]  # fmt: skip


def _number(value: int) -> str:
    return str(value) if -(1 << 31) < value < 1 << 31 else f"{value}LL"


def _as(value: Expr, kind: Int) -> str:
    if value.type == kind and _typed(value):
        return _expr(value)
    return f"{type_name(kind)}({bare(_expr(value))})"


def _typed(value: Expr) -> bool:
    """Tell whether C++ gives the value just its type; sums may be wider, a loop's counter is an int."""
    if isinstance(value, e.Counter):
        return False
    named = isinstance(value, e.Name | e.Element | e.Cast | e.Select)
    return named or (isinstance(value, e.Shift) and value.op == "<<")


def bare(text: str) -> str:
    """Leave out parentheses around the whole."""
    while text.startswith("(") and _closes(text) == len(text) - 1:
        text = text[1:-1]
    return text


def _closes(text: str) -> int:
    """Find the parenthesis that closes the first."""
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return at
    return -1


def _expr(value: Expr) -> str:
    match value:
        case e.Const(_, number):
            return _number(number)
        case e.Name(_, name):
            return name
        case e.Element(_, vector, index):
            return f"{vector.name}[{bare(_expr(index))}]"
        case e.Binary(kind, "&" | "|" | "^" as op, left, right):
            return f"({_as(left, kind)} {op} {_as(right, kind)})"
        case e.Binary(kind, op, left, right):
            # A loop's counter and constants are plain int: cast one side, and the sum is as wide as it must be.
            plain = isinstance(left, e.Counter | e.Const) and isinstance(right, e.Counter | e.Const)
            return f"({_as(left, kind) if plain else _expr(left)} {op} {_expr(right)})"
        case e.Compare(_, op, left, right):
            return f"({_expr(left)} {op} {_expr(right)})"
        case e.Select(kind, condition, yes, no):
            return f"({_expr(condition)} ? {_as(yes, kind)} : {_as(no, kind)})"
        case e.Cast(kind, inner):
            return f"{type_name(kind)}({bare(_expr(inner))})"
        case e.Shift(kind, "<<", inner, count):
            return f"({_as(inner, kind)} << {_expr(count)})"
        case e.Shift(_, ">>", inner, count):
            return f"({_as(inner, inner.type)} >> {_expr(count)})"
    raise TypeError(f"no C++ for {type(value).__name__}")
