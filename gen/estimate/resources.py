# SPDX-License-Identifier: BSD-2-Clause
"""What a core takes of a device: logic part by part, memories one by one."""

from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from gatewright.gen.estimate.costs import Cost, cost, link, table, variant
from gatewright.gen.estimate.devices import Device
from gatewright.gen.ternary.cost import estimate as engine_estimate
from gatewright.hw.accel.lm_core.program import Kind
from gatewright.hw.ternary.store import KINDS, MemoryKind

SMALL = 2048  # bits up to which a memory goes to LUTs, where LUTs can be memories
ENGINE = "gen/ternary/costs.json"
NOTHING = "no measured row"
SOFTMAX = "softmax, as measured for rows of 128"


@dataclass(frozen=True)
class Part:
    """Logic of one kind of unit.

    Attributes
    ----------
    count : int
        How many there are; numbers are of all together.
    """

    name: str
    count: int
    cost: Cost
    note: str = ""


@dataclass(frozen=True)
class Store:
    """A memory.

    Attributes
    ----------
    kind : str
        What it lies in: a kind of memory block, LUTs or the memory outside.
    blocks : int
        Blocks of that kind.
    """

    name: str
    words: int
    width: int
    kind: str
    blocks: int

    @property
    def bits(self) -> int:
        """Bits that it holds."""
        return self.words * self.width


def blocks_of(kind: MemoryKind, words: int, width: int) -> int:
    """Count the blocks of a memory in the mode that takes fewest."""
    return min(ceil(width / wide) * ceil(words / deep) for wide, deep in kind.modes)


def word_bits(core: Any) -> int:
    """Give the bits of weights that the engine takes in a cycle."""
    code = core.matvec.inputs[1].field("code")
    return int(code.bits * code.count)


def words_of(core: Any) -> dict[Kind, int]:
    """Give the words of weights that a token takes, by kind of matrix, all layers together."""
    times = {kind: 1 if kind is Kind.HEAD else core.layers for kind in Kind}
    return {kind: times[kind] * core.runs(kind)[0] * core.runs(kind)[1] for kind in Kind}


def parts_of(core: Any, device: Device) -> list[Part]:
    """List the logic."""
    family = device.family
    engine = engine_estimate(core.matvec.engine, family)
    found = [
        Part("engine (tlmm)", 1, Cost(engine.luts, engine.ff, 0.0, ENGINE)),
        Part("block of activations", 1, Cost(0.0, 2.0 * 8 * core.matvec.block, 0.0, "counted: two registers a bit")),
    ]
    if core.matvec.packed is not None:
        codes = core.matvec.inputs[1].field("code").shape[0]
        found.append(_room("trit_decode", {"packing": core.packing, "groups": codes}, family, codes))
    lanes, half = core.outputs_per_cycle, core.half
    norms = [core.norm, core.mixer_norm, core.ffn_norm]
    norms += [core.last_norm] * (core.act == "dynamic") + [core.state_norm] * (core.family == "mlgru")
    for output in ("static", "dynamic"):
        rows = [norm for norm in norms if norm.output == output]
        if rows:
            costs = [cost("norm", {"lanes": norm.lanes, "output": output}, family) for norm in rows]
            found.append(Part(f"norm, {output}", len(rows), _added(costs)))
    found.append(_room("requantise" if core.act == "static" else "dequantise", {"lanes": lanes}, family))
    found.append(_room("gated", {"lanes": half, "function": core.gate}, family))
    if core.family == "transformer":
        found.append(_room("rope", {"lanes": lanes}, family))
        names = ("parallel", "tokens", "head_dim", "logic_products", "lanes")
        sizes = {name: getattr(core.attention, name) for name in names}
        found.append(_room("kv_attention", sizes, family))
    else:
        found.append(_room("mlgru", {"lanes": half}, family))
        found.append(_room("gated", {"lanes": half, "function": "silu"}, family, name="gated, silu, of the state"))
    found.append(_room("argmax", {"lanes": lanes}, family))
    if device.external is None:
        found.append(Part("serial line", 1, link(family)))
    missing = "residual row, sequence, host" if device.external is None else (
        "residual row, sequence, host, readers of the memory outside"
    )
    return [*found, Part(missing, 1, Cost(), NOTHING)]


def _room(room: str, sizes: dict[str, Any], family: Any, count: int = 1, name: str | None = None) -> Part:
    found = cost(room, sizes, family)
    return Part(name or variant(room, sizes), count, found, "" if found.source else NOTHING)


def _added(costs: list[Cost]) -> Cost:
    total = costs[0]
    for each in costs[1:]:
        total = replace(total, luts=total.luts + each.luts, ff=total.ff + each.ff, dsp=total.dsp + each.dsp)
    return total


def stores_of(core: Any, device: Device, ahead_bits: int = 0) -> list[Store]:
    """List the memories; constants and the cache of a device with memory outside lie there."""
    lanes, half, wide = core.outputs_per_cycle, core.half, core.features
    beats = wide // lanes
    outside = device.external.name if device.external is not None else None
    words = sum(words_of(core).values())
    constants = [
        ("weights", words, word_bits(core)),
        ("embedding", core.vocab * beats, 8 * lanes),
        ("gains", (2 * core.layers + 1) * beats, core.gain_bits * lanes),
        ("gains of the mixers' norms", core.layers * core.mixed // core.mixer_norm.lanes,
         core.gain_bits * core.mixer_norm.lanes),
        ("gains of the feed-forward norms", core.layers * core.hidden // lanes, core.gain_bits * lanes),
    ]  # fmt: skip
    inside = [("residual row", beats, 16 * lanes)]
    if core.family == "transformer":
        constants.append(("rotation table", core.context * core.head_dim // lanes, 16 * lanes))
        constants.append(("keys and values", core.attention.depth, 8 * core.head_dim * core.read_tokens))
    else:
        constants.append(("gains of the states' norms", core.layers * wide // half, core.gain_bits * half))
        constants.append(("least forget gates", core.layers * wide // half, 12 * half))
        inside += [("state", core.layers * wide // half, 16 * half),
                   ("gates that wait", core.gate_queue.depth, core.gate_queue.width)]  # fmt: skip
    for name in ("norm", "mixer_norm", "ffn_norm", *(("state_norm",) if core.family == "mlgru" else ())):
        norm = getattr(core, name)
        bits = 28 if norm.output == "dynamic" else 16  # products with gains, or elements
        inside.append((f"rows of {name}", 1 << norm.store_bits, bits * norm.lanes))
    found = [Store(name, deep, width, outside, 0) if outside else placed(name, deep, width, device)
             for name, deep, width in constants]  # fmt: skip
    found += [placed(name, deep, width, device) for name, deep, width in inside]
    engine = engine_estimate(core.matvec.engine, device.family).block_rams
    bits = core.matvec.engine.acc_bits * lanes
    found.append(Store("sums between blocks, tables", core.matvec.engine.sweep_max, bits, device.block.name, engine))
    if core.family == "transformer":
        blocks = softmax_blocks(core.parallel * core.read_tokens, device)
        found.append(Store(SOFTMAX, blocks * device.block.modes[0][1], device.block.modes[0][0],
                           device.block.name, blocks))  # fmt: skip
    if ahead_bits:
        width = word_bits(core)
        found.append(placed("weights ahead", ceil(ahead_bits / width), width, device))
    return _moved(found, device)


def softmax_blocks(scores: int, device: Device) -> int:
    """Give what attention takes beside its cache: the blocks that were measured, less those of the cache there."""
    known = [row for row in table()["rows"] if row["room"] == "kv_attention"]
    family = device.family if any(row["family"] == device.family for row in known) else "ecp5"
    kind = device.block if family == device.family else KINDS["EBR"]
    left = [
        (row["block_rams"] - blocks_of(kind, 2 * p["layers"] * p["kv_heads"] * p["context"], 8 * p["head_dim"]))
        / p["parallel"] for row in known if row["family"] == family for p in (row["parameters"],)
    ]  # fmt: skip
    return ceil(scores * max(0.0, *left))


def placed(name: str, words: int, width: int, device: Device) -> Store:
    """Choose what a memory with a port to read and one to write lies in."""
    if words * width <= SMALL and device.family != "ice40":
        return Store(name, words, width, "LUT", 0)
    # Among kinds that read and write at a time, the one of which it takes the least share.
    kinds = [(kind, count) for kind, count in device.memories if kind.name != "SPRAM"]
    best, _ = min(kinds, key=lambda each: blocks_of(each[0], words, width) / each[1])
    return Store(name, words, width, best.name, blocks_of(best, words, width))


def _moved(stores: list[Store], device: Device) -> list[Store]:
    """Move weights to one-port RAM if block RAM does not suffice and it can give a word a cycle."""
    count, used = device.count("SPRAM"), sum(store.blocks for store in stores if store.kind == device.block.name)
    if not count or used <= device.count(device.block.name):
        return stores
    kind = next(kind for kind, _ in device.memories if kind.name == "SPRAM")
    return [
        replace(store, kind="SPRAM", blocks=blocks_of(kind, store.words, store.width))
        if store.name == "weights" else store for store in stores
    ]  # fmt: skip


def used_luts(parts: list[Part], stores: list[Store]) -> float:
    """Give LUT sites in all; what lies in LUTs takes 4 for 4 bits of 16 words, as on ECP5: more than elsewhere."""
    return sum(part.cost.luts for part in parts) + sum(
        4 * ceil(store.width / 4) * ceil(store.words / 16) for store in stores if store.kind == "LUT"
    )
