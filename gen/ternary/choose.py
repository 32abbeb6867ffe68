# SPDX-License-Identifier: BSD-2-Clause
"""Choose the cheapest ternary engine for a family, and say why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.gen.flow.cells import Fabric
from gatewright.gen.ternary.cost import Estimate, estimate
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.ternary.tlmm.config import TlmmConfig

# Group sizes worth a trial, by method and storage. A table in LUT RAM deeper than the family's own words costs
# multiplexers; one in a block RAM may be as deep as that.
_TRIALS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("select", "distributed", (3,)),
    ("fold", "distributed", (2, 3, 4, 6, 8)),
    ("half", "distributed", (2, 3, 4)),
    ("full", "distributed", (2, 3)),
    ("bitplane", "distributed", (3, 4, 5)),
    ("half", "registers", (2, 3)),
    ("half", "block", (4, 5, 6)),
)


@dataclass(frozen=True)
class Candidate:
    """One engine that does the work.

    Attributes
    ----------
    utilisation : float
        Share of cycles in which weights are taken, for vectors of many blocks.
    """

    config: TlmmConfig
    estimate: Estimate
    utilisation: float

    @property
    def name(self) -> str:
        """Method, and where its tables live if not in LUT RAM."""
        config = self.config
        where = f" in {_PLACE[config.storage]}" if config.has_tables and config.storage != "distributed" else ""
        return f"{config.method}{where}" + (", overlapped" if config.overlap else "")


_PLACE: Mapping[str, str] = {"block": "block RAM", "registers": "registers"}


def utilisation(config: TlmmConfig, sweep: int) -> float:
    """Give the share of cycles in which weights are taken, nothing stalling, between two blocks of a vector."""
    starts = config.plan([sweep] * 6).starts
    return sweep / (starts[-1] - starts[-2])


def candidates(
    family: Fabric, act_bits: int, outputs_per_cycle: int, macs_per_cycle: int, sweep: int, block_rams_free: int,
    *, least_utilisation: float = 0.95, **more: Any,
) -> list[Candidate]:  # fmt: skip
    """List engines that meet the constraints, the cheapest first; arguments as for `choose`."""
    found: list[Candidate] = []
    for method, storage, groups in _TRIALS:
        if storage == "distributed" and family == "ice40" and method not in ("select", "fold"):
            continue  # would come to lie in block RAMs, one for each reader
        for group in groups:
            shape = {
                "method": method, "storage": storage, "group": group, "act_bits": act_bits,
                "groups": -(-macs_per_cycle // (group * outputs_per_cycle)), "outputs_per_cycle": outputs_per_cycle,
                "sweep_max": sweep, **more,
            }  # fmt: skip
            found += list(_trials(shape, family, sweep, block_rams_free, least_utilisation))
    return sorted(found, key=lambda candidate: candidate.estimate.luts_per_mac)


def _trials(
    shape: Mapping[str, Any], family: Fabric, sweep: int, block_rams_free: int, least: float
) -> Iterator[Candidate]:
    """Give the engine without overlap if its utilisation suffices, else the one with it."""
    if not 1 <= shape["groups"] <= 128:
        return
    for overlap in (False, True):
        if overlap and shape["method"] in ("select", "fold"):
            return
        config = TlmmConfig(**shape, overlap=overlap)
        share = utilisation(config, sweep)
        if share >= least:
            needed = estimate(config, family)
            if needed.block_rams <= block_rams_free:
                yield Candidate(config, needed, share)
            return


def choose(
    family: Fabric, act_bits: int, outputs_per_cycle: int, macs_per_cycle: int, sweep: int, block_rams_free: int,
    *, least_utilisation: float = 0.95, **more: Any,
) -> tuple[TlmmConfig, str]:  # fmt: skip
    """Choose the engine of fewest LUT sites per weight and cycle.

    Parameters
    ----------
    family : str
        ``ecp5``, ``gowin``, ``ice40`` or ``xilinx``.
    macs_per_cycle : int
        Weights that meet activations in a cycle, at least; rounded up to whole groups.
    sweep : int
        Beats of weights for each block of activations: outputs over outputs_per_cycle.
    block_rams_free : int
        What the engine may take of those, for tables and for sums between blocks.
    least_utilisation : float
        Share of cycles in which weights are to be taken; the building of tables costs some.
    **more
        Further parameters of the engine, such as ``blocks_max``.

    Returns
    -------
    TlmmConfig, str
        The engine, and one line that says why.

    Raises
    ------
    ConfigError
        If no engine meets the constraints.
    """
    found = candidates(
        family, act_bits, outputs_per_cycle, macs_per_cycle, sweep, block_rams_free,
        least_utilisation=least_utilisation, **more,
    )  # fmt: skip
    if not found:
        raise ConfigError(
            f"block_rams_free must hold the sums between blocks, and least_utilisation be in reach: no method for "
            f"{family} takes {macs_per_cycle} weights a cycle at {block_rams_free} block RAMs and {least_utilisation:g}"
        )
    best, names, others = found[0], {found[0].name}, []
    for candidate in found[1:]:
        if candidate.name not in names:
            names.add(candidate.name)
            others.append(f"{candidate.name} {candidate.estimate.luts_per_mac:.1f}")
    reason = (
        f"{best.name}, groups of {best.config.group}: {best.estimate.luts_per_mac:.1f} LUTeq per weight and cycle on "
        f"{family}, {best.estimate.block_rams} block RAMs, {100 * best.utilisation:.1f} % utilisation"
    )
    return best.config, reason + (f"; next {', '.join(others[:4])}" if others else "")
