#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Edge-MoE's configuration on our core: cycles of a frame by the cycle model; save scripts/results/edge_moe.json.

129 tokens of 192 features, 12 blocks, 16 experts of 384 of which a token gets 2, 16 x 16 products a cycle, weights
streamed over 256 bits a cycle, 300 MHz. Every expert gets its share of the tokens. Published: 34.64 ms a frame
(Edge-MoE, ICCAD 2023); 17.1 ms is what that code's loops need at least. ``--synthesise`` counts UltraScale+ cells.
"""

import argparse
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gatewright.gen.design import design_of
from gatewright.gen.emit import generate
from gatewright.gen.files import write_file
from gatewright.gen.flow.synth import SynthOptions, synthesise
from gatewright.hw.accel.vit_core.config import VitCoreConfig
from gatewright.hw.accel.vit_core.timing import typical

MHZ, BUS_OCTETS = 300, 32
PUBLISHED = {
    "published_ms": 34.64, "ideal_of_published_code_ms": 17.1,
    # The only published cells of such an accelerator: CoQMoE's ViT-tiny, int8, on a ZCU102.
    "coqmoe": {"ms": 6.47, "LUT": 156_100, "FF": 198_200, "DSP": 1754, "BRAM": 383},
}  # fmt: skip
RESULTS = Path(__file__).resolve().parent / "results"


def values(parallel: int) -> dict[str, Any]:
    """Give the core's parameters, ``parallel`` queries at a time."""
    return {
        "channels": 3, "height": 128, "width": 256, "patch": 16, "features": 192, "layers": 12, "hidden": 768,
        "expert_hidden": 384, "tasks": 2, "classes": 19, "inputs_per_cycle": 16, "outputs_per_cycle": 16, "lanes": 2,
        "attention": {"heads": 3, "head_dim": 64, "parallel": parallel, "lanes": 8},
        "gate": {"experts": 16, "k": 2},
    }  # fmt: skip


def main() -> None:
    """Compute, and synthesise if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--synthesise", action="store_true", help="also generate, and count UltraScale+ cells (long)")
    parser.add_argument("--out", type=Path, default=Path("build"), help="folder for all outputs")
    chosen = parser.parse_args()
    path = RESULTS / "edge_moe.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    rows = []
    for parallel in (4, 8, 16):
        core = VitCoreConfig(**values(parallel))
        cycles = typical(core, core.macs_per_cycle // BUS_OCTETS)
        rows.append({
            "queries_at_a_time": parallel, "attention_products_per_cycle": 2 * parallel * core.attention.lanes,
            "linear_products_per_cycle": core.macs_per_cycle, "cycles": cycles, "ms": round(cycles / MHZ / 1e3, 2),
            "utilisation": round(core.macs / core.macs_per_cycle / cycles, 4),
        })  # fmt: skip
        print(rows[-1], flush=True)
    outcome = {
        "command": "python scripts/edge_moe.py", "mhz": MHZ, **PUBLISHED, "rows": rows,
        "synthesis": known.get("synthesis"),
        "versions": {"gatewright": version("gatewright"), "pyosys": version("pyosys")},
    }  # fmt: skip
    if chosen.synthesise:
        outcome["synthesis"] = count(chosen.out)
    write_file(path, json.dumps(outcome, indent=1) + "\n")


def count(out: Path) -> dict[str, Any]:
    """Generate the core and synthesise it for UltraScale+."""
    design = design_of("vit_core", "edge-moe", **values(4))
    generate(design, out / "edge-moe" / "rtl")
    verilog = out / "edge-moe" / "rtl" / f"{design.top}.v"
    found = synthesise([verilog], design.top, "xilinx", out / "edge-moe", SynthOptions())
    print(found.counts)
    return {"command": "python scripts/edge_moe.py --synthesise", "flags": found.flags, "cells": found.counts}


if __name__ == "__main__":
    main()
