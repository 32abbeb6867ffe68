# SPDX-License-Identifier: BSD-2-Clause
"""Count what a ternary engine is made of, before any synthesis: bits of adders, choices, memories and registers."""

from collections.abc import Mapping

from gatewright.gen.flow.cells import Fabric
from gatewright.hw.ternary.store import KINDS, MemoryKind
from gatewright.hw.ternary.tlmm.config import TlmmConfig

# A planner's block RAM of each family, with all its shapes.
_BLOCK: Mapping[Fabric, MemoryKind] = {
    "ecp5": KINDS["EBR"], "gowin": KINDS["BSRAM"], "ice40": KINDS["EBR4K"], "xilinx": KINDS["BRAM36"],
}  # fmt: skip
_LUTS_DEEP = 64  # words up to which UltraScale+ keeps sums in LUTs


def macs(config: TlmmConfig) -> int:
    """Give weights that meet activations in a cycle."""
    return config.block * config.outputs_per_cycle * config.vectors


def block_rams(config: TlmmConfig, family: Fabric) -> int:
    """Count block RAMs, of tables and of sums between blocks."""
    wide, total = config.vectors, 0
    # iCE40 has no other memory than that.
    if config.has_tables and (config.storage == "block" or (config.storage == "distributed" and family == "ice40")):
        words = (1 + config.overlap) << config.address_bits
        total += _readers(config) * _blocks(wide * config.entry_bits, words, family)
    if config.blocks_max > 1 and (family != "xilinx" or config.sweep_max > _LUTS_DEEP):
        total += _blocks(wide * config.acc_bits * config.outputs_per_cycle, config.sweep_max, family)
    return total


def lut_rams(config: TlmmConfig, family: Fabric) -> int:
    """Count LUT sites that serve as memory."""
    wide, total = config.vectors, 0
    if config.has_tables and config.storage == "distributed" and family != "ice40":
        words = (1 + config.overlap) << config.address_bits
        total += _readers(config) * _luts(wide * config.entry_bits, words, family)
    if config.blocks_max > 1 and family == "xilinx" and config.sweep_max <= _LUTS_DEEP:
        total += _luts(wide * config.acc_bits * config.outputs_per_cycle, config.sweep_max, family)
    return total


def _readers(config: TlmmConfig) -> int:
    return config.groups * config.readers * config.outputs_per_cycle


def _blocks(bits: int, words: int, family: Fabric) -> int:
    shapes = _BLOCK[family].modes
    width, depth = next((shape for shape in shapes if shape[1] >= words), shapes[-1])
    return -(-bits // width) * -(-words // depth)


def _luts(bits: int, words: int, family: Fabric) -> int:
    if family != "xilinx":
        return 4 * -(-bits // 4) * -(-words // 16)
    # RAM32M16 holds 14 bits in 8 LUTs, RAM64M8 7.
    return 8 * -(-bits // (14 if words <= 32 else 7)) * -(-words // 64)


def logic(config: TlmmConfig, family: Fabric) -> dict[str, float]:
    """Count what takes LUT sites, by kind.

    Returns
    -------
    dict
        ``ram``: sites in memories. ``adders``: bits of carry chains; ``chains``: how many chains take a carry.
        ``signs``, ``masks``, ``selects``: bits that are negated, masked or chosen in front of an adder. ``muxes``:
        bits among which a reader of registers or of a deep memory chooses. ``terms``: bits among which the
        additions that make tables choose. ``steps``: how many those are, spelled out as plain logic. ``kept``: bits of
        the sums between blocks. ``control``: 1.
    """
    outputs = config.outputs_per_cycle * config.vectors
    carries = int(config.method in ("fold", "half", "bitplane"))
    widths, _ = _tree(config)
    if config.method == "fold":
        widths += [config.part_bits(place + 1) for place in range(1, config.group)] * config.groups
    # A carry that comes in takes a bit of its own; an ECP5 cell holds two.
    whole = 2 if family == "ecp5" else 1
    adders = sum(-(-(width + carries) // whole) * whole for width in widths)
    found = {
        "ram": float(lut_rams(config, family)), "adders": float(adders * outputs),
        "chains": float(carries * len(widths) * outputs), "signs": 0.0, "masks": 0.0, "selects": 0.0, "muxes": 0.0,
        "terms": 0.0, "steps": 0.0, "kept": 0.0, "control": 1.0,
    }  # fmt: skip
    leaves = config.leaves * outputs
    if config.method in ("half", "bitplane"):
        found["signs"] = float(leaves * config.entry_bits)
    elif config.method == "fold":
        found["masks"] = float(config.block * config.act_bits * outputs)
    elif config.method == "select":
        found["selects"] = float(config.block * (config.act_bits + 1) * outputs)
        found["adders"] += config.block * config.vectors * (config.act_bits + 1)  # negatives, for all outputs
    if config.has_tables:
        words = (1 + config.overlap) << config.address_bits
        deep = words if config.storage == "registers" else _banks(words, family) if config.storage != "block" else 1
        found["muxes"] = float(leaves * config.entry_bits * (deep - 1))
        tables = config.groups * config.vectors
        found["adders"] += tables * (config.entry_bits + 1)
        found["terms"] = float(tables * config.act_bits * max(1, config.group - 1 - (config.method != "full")))
        found["steps"] = float(len(config.walk))
    if config.blocks_max > 1:
        found["kept"] = float(config.acc_bits * outputs)
    return found


def _banks(words: int, family: Fabric) -> int:
    """Count the memories that a table takes in depth."""
    return 1 if family == "ice40" else -(-words // (64 if family == "xilinx" else 16))


def registers(config: TlmmConfig, family: Fabric) -> dict[str, float]:
    """Count bits of registers, by kind; as `logic`."""
    outputs = config.outputs_per_cycle * config.vectors
    _, tree = _tree(config)
    leaves = config.leaves * outputs
    found = {"tree": float(tree * outputs), "leaves": 0.0, "delays": 0.0, "build": 0.0, "tables": 0.0, "kept": 0.0,
             "control": 1.0}  # fmt: skip
    if config.has_tables:
        # A block RAM holds what it read itself.
        hidden = config.storage == "block" or (config.storage == "distributed" and family == "ice40")
        found["leaves"] = float(leaves * ((0 if hidden else config.entry_bits) + (config.method != "full")))
        found["build"] = float(config.groups * config.vectors * (config.entry_bits + config.act_bits))
        if config.storage == "registers":
            found["tables"] = float((1 + config.overlap) * config.groups * config.writes * config.entry_bits)
            found["tables"] *= config.vectors
    elif config.method == "select":
        found["leaves"] = float(leaves * (config.act_bits + 1))
    else:
        waits = [max(0, place - 1) for place in range(config.group)]
        found["delays"] = float(config.groups * sum(waits) * 2 * config.outputs_per_cycle)
        found["delays"] += config.groups * sum(waits) * config.act_bits * config.vectors
        held = [config.part_bits(place + 1) + 1 for place in range(config.group) if place or config.group == 1]
        found["leaves"] = float(config.groups * sum(held) * outputs)
    if config.blocks_max > 1:
        found["kept"] = float(config.acc_bits * outputs)
    return found


def _tree(config: TlmmConfig) -> tuple[list[int], int]:
    """Give the widths of all adders of one output, and the register bits behind them."""
    carries = config.method in ("fold", "half", "bitplane")
    bits_of = config.part_bits if carries else config.sum_bits
    terms = [1 if config.method == "select" else config.group] * config.leaves
    widths, held = [], 0
    for _ in range(config.levels):
        pairs = [terms[index : index + 2] for index in range(0, len(terms), 2)]
        terms = [sum(pair) for pair in pairs]
        widths += [bits_of(sum(pair)) for pair in pairs if len(pair) == 2]
        held += sum(bits_of(total) + carries for total in terms)
    if config.blocks_max > 1:
        widths, held = [*widths, config.acc_bits], held + config.acc_bits
    return widths, held
