# SPDX-License-Identifier: BSD-2-Clause
"""Plan where ternary weights live on chip: how many memories of a kind, how full, how many weights a cycle.

The arithmetic is TeLLMe's section 3.2 (arXiv 2510.15926), restated per memory kind. Its equation for
the groups that a memory's width feeds is printed with a ceiling; a part of a code can't be looked
up, so it is a floor here.
"""

from dataclasses import dataclass
from math import ceil

from gatewright.hw.core.errors import ConfigError


@dataclass(frozen=True)
class MemoryKind:
    """A family's memory block as a weight store reads it.

    Attributes
    ----------
    name, family : str
        The maker's word for it, and where it is found.
    modes : tuple of (int, int)
        ``(width in bits, depth in words)`` of one read port per cycle.
    initialised : bool
        Whether the bitstream fills it; otherwise weights are loaded after each start.
    """

    name: str
    family: str
    modes: tuple[tuple[int, int], ...]
    initialised: bool = True

    @property
    def bits(self) -> int:
        """Capacity of one block, in its widest mode."""
        return max(width * depth for width, depth in self.modes)

    @property
    def widest(self) -> int:
        """Bits that one block can give per cycle."""
        return max(width for width, _ in self.modes)


KINDS: dict[str, MemoryKind] = {
    kind.name: kind
    for kind in (
        MemoryKind("EBR", "ecp5", ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))),
        MemoryKind("EBR4K", "ice40", ((16, 256), (8, 512), (4, 1024), (2, 2048))),
        MemoryKind("SPRAM", "ice40", ((16, 16384),), initialised=False),
        MemoryKind("BSRAM", "gowin", ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))),
        MemoryKind(
            "BRAM36", "xilinx", ((72, 512), (36, 1024), (18, 2048), (9, 4096), (4, 8192), (2, 16384), (1, 32768))
        ),
        MemoryKind("URAM", "xilinx", ((72, 4096),), initialised=False),
    )
}


@dataclass(frozen=True, kw_only=True)
class StorePlan:
    """A weight store for matrices of one engine.

    Attributes
    ----------
    kind : MemoryKind
        What it is built of.
    mode : (int, int)
        Width and depth of each block.
    columns, rows : int
        Blocks side by side, and behind each other.
    word_bits : int
        Codes that the engine takes per cycle, in bits.
    words : int
        Words in use.
    weights : int
        Ternary weights of the matrices, padding left out.
    """

    kind: MemoryKind
    mode: tuple[int, int]
    columns: int
    rows: int
    word_bits: int
    words: int
    weights: int

    @property
    def blocks(self) -> int:
        """Memory blocks in all."""
        return self.columns * self.rows

    @property
    def bits_per_weight(self) -> float:
        """Bits of memory blocks per weight, everything unused included."""
        return self.blocks * self.kind.bits / self.weights

    @property
    def fill(self) -> float:
        """Part of the blocks' bits that hold codes."""
        return self.words * self.word_bits / (self.blocks * self.kind.bits)


def words_of(inputs: int, outputs: int, group: int, groups: int, outputs_per_cycle: int) -> int:
    """Count the words of one matrix: one per block of ``group * groups`` inputs and ``outputs_per_cycle`` outputs."""
    return ceil(inputs / (group * groups)) * ceil(outputs / outputs_per_cycle)


def groups_for_width(kind: MemoryKind, cascade: int, code_bits: int) -> int:
    """Give the groups whose codes fit the width of ``cascade`` blocks side by side: a floor, see the module's text."""
    return kind.widest * cascade // code_bits


def plan_store(
    kind: MemoryKind, matrices: list[tuple[int, int]], *, group: int, groups: int, outputs_per_cycle: int,
    code_bits: int, available: int | None = None,
) -> StorePlan:  # fmt: skip
    """Find the fewest blocks that hold the matrices and give one word a cycle.

    Parameters
    ----------
    kind : MemoryKind
        See `KINDS`.
    matrices : list of (int, int)
        Inputs and outputs of each.
    group, groups, outputs_per_cycle : int
        The engine's geometry: weights per code, codes per output and cycle, outputs per cycle.
    code_bits : int
        Bits of one code.
    available : int, optional
        Blocks of the device.

    Raises
    ------
    ConfigError
        If the device has too few blocks; the line says how many are needed.
    """
    word_bits = groups * outputs_per_cycle * code_bits
    words = sum(words_of(k, n, group, groups, outputs_per_cycle) for k, n in matrices)
    weights = sum(k * n for k, n in matrices)
    plans = [
        StorePlan(
            kind=kind, mode=(width, depth), columns=ceil(word_bits / width), rows=ceil(words / depth),
            word_bits=word_bits, words=words, weights=weights,
        )
        for width, depth in kind.modes
    ]  # fmt: skip
    # Among equals the one with fewer rows needs no multiplexer behind the blocks.
    best = min(plans, key=lambda plan: (plan.blocks, plan.rows))
    if available is not None and best.blocks > available:
        raise ConfigError(
            f"weights need {best.blocks} {kind.name} and the device has {available}; "
            "choose a smaller matrix, a denser packing, or fewer weights per cycle"
        )
    return best
