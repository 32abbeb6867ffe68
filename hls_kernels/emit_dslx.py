# SPDX-License-Identifier: BSD-2-Clause
"""A kernel as DSLX, the language of the open XLS compiler: one pure function.

DSLX converts nothing by itself, so both sides of every operation are cast to the type of its result.
"""

from gatewright.hls_kernels import block as b
from gatewright.hls_kernels import expr as e
from gatewright.hls_kernels.block import Block, Loop
from gatewright.hls_kernels.emit_cpp import bare
from gatewright.hls_kernels.expr import Expr, Int, Vector
from gatewright.hls_kernels.kernel import Kernel
from gatewright.hw.core.ports import PayloadField

_PER_LINE = 12


def dslx(kernel: Kernel) -> str:
    """Write the function ``kernel.name``; several results leave as a tuple, in the order of the outputs."""
    arguments = ", ".join(f"{field.name}: {_field(field)}" for field in kernel.inputs)
    kinds = [_field(field) for field in kernel.outputs]
    results = [_result(kernel.results[field.name]) for field in kernel.outputs]
    lines = [f"// {kernel.summary}", f"pub fn {kernel.name}({arguments}) -> {_tuple(kinds)} {{"]
    lines += _block(kernel.block, "    ")
    return "\n".join([*lines, f"    {_tuple(results)}", "}", ""])


def _tuple(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"({', '.join(items)})"


def _type(kind: Int) -> str:
    return f"{'s' if kind.signed else 'u'}N[{kind.bits}]"


def _array(kind: Int, shape: tuple[int, ...]) -> str:
    return f"{_type(kind)}[{shape[0]}]" if shape else _type(kind)


def _field(field: PayloadField) -> str:
    return _array(Int(field.bits, field.signed), field.shape)


def _result(value: Expr | Vector) -> str:
    return value.name if isinstance(value, Vector) else _expr(value)


def _block(block: Block, indent: str) -> list[str]:
    lines: list[str] = []
    for statement in block.statements:
        match statement:
            case b.Let(name, value):
                lines.append(f"{indent}let {name} = {bare(_expr(value))};")
            case b.Table(vector, values):
                lines += _table(vector, values, indent)
            case Loop():
                lines += _loop(statement, indent)
    return lines


def _table(vector: Vector, values: tuple[int, ...], indent: str) -> list[str]:
    kind = f"{_type(vector.type)}[{vector.length}]"
    rows = [", ".join(map(str, values[at : at + _PER_LINE])) for at in range(0, len(values), _PER_LINE)]
    inner = [f"{indent}    {row}," for row in rows[:-1]] + [f"{indent}    {rows[-1]}"]
    return [f"{indent}let {vector.name} = {kind}:[", *inner, f"{indent}];"]


def _loop(loop: Loop, indent: str) -> list[str]:
    names = _tuple([state.name for state in loop.states])
    kinds = _tuple([_state_type(state) for state in loop.states])
    first = _tuple([_first(state, value) for state, value in zip(loop.states, loop.first, strict=True)])
    i = loop.index.name
    inner = indent + "    "
    steps, following = _following(loop, inner)
    return [
        f"{indent}let {names} = for ({i}, {names}): (u32, {kinds}) in u32:0..u32:{loop.count} {{",
        f"{inner}let {i} = {i} as {_type(loop.index.type)};",
        *_block(loop.body, inner),
        *steps,
        f"{inner}{_tuple(following)}",
        f"{indent}}}({first});",
    ]


def _state_type(state: e.Name | Vector) -> str:
    return _array(state.type, (state.length,) if isinstance(state, Vector) else ())


def _first(state: e.Name | Vector, value: Expr | int | Vector) -> str:
    if isinstance(value, Vector):
        return value.name
    if isinstance(state, Vector):
        number = _const(state.type, value if isinstance(value, int) else 0)
        return f"{_state_type(state)}:[{number}, ...]"
    assert isinstance(value, Expr)
    return _expr(value)


def _following(loop: Loop, indent: str) -> tuple[list[str], list[str]]:
    """Give statements, and the next states. XLS refuses deep nests of updates, so several go one by one."""
    values: list[str] = []
    updates: list[str] = []
    states: list[str] = []
    for following in loop.following:
        if isinstance(following, Expr):
            states.append(bare(_expr(following)))
            continue
        name, places = following.vector.name, following.places
        if len(places) == 1:
            states.append(f"update({name}, {_index(places[0][0])}, {bare(_expr(places[0][1]))})")
            continue
        for at, (place, value) in enumerate(places):  # all follow from the old state
            values.append(f"{indent}let {name}_{at}_next = {bare(_expr(value))};")
            updates.append(f"{indent}let {name} = update({name}, {_index(place)}, {name}_{at}_next);")
        states.append(name)
    return values + updates, states


def _index(place: Expr) -> str:
    return f"u32:{place.value}" if isinstance(place, e.Const) else _as(place, Int(place.type.bits))


def _const(kind: Int, value: int) -> str:
    return f"{_type(kind)}:{value}"


def _as(value: Expr, kind: Int) -> str:
    if isinstance(value, e.Const) and kind.low <= value.value <= kind.high:
        return _const(kind, value.value)
    return _expr(value) if value.type == kind else f"({_expr(value)} as {_type(kind)})"


def _expr(value: Expr) -> str:
    match value:
        case e.Const(kind, number):
            return _const(kind, number)
        case e.Name(_, name):
            return name
        case e.Element(_, vector, index):
            return f"{vector.name}[{_index(index)}]"
        case e.Binary(kind, op, left, right):
            return f"({_as(left, kind)} {op} {_as(right, kind)})"
        case e.Compare(_, op, left, right):
            joined = left.type.join(right.type)
            if op == "<":  # XLS may take it for the start of parameters
                left, right, op = right, left, ">"
            return f"({_as(left, joined)} {op} {_as(right, joined)})"
        case e.Select(kind, condition, yes, no):
            return f"(if {_expr(condition)} {{ {_as(yes, kind)} }} else {{ {_as(no, kind)} }})"
        case e.Cast(kind, inner):
            return f"({_expr(inner)} as {_type(kind)})"
        case e.Shift(kind, "<<", inner, count):
            return f"({_as(inner, kind)} << {_index(count)})"
        case e.Shift(kind, ">>", inner, count):
            shifted = f"({_expr(inner)} >> {_index(count)})"
            return shifted if kind == inner.type else f"({shifted} as {_type(kind)})"
    raise TypeError(f"no DSLX for {type(value).__name__}")
