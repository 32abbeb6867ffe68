# SPDX-License-Identifier: BSD-2-Clause
"""For all inputs: our Verilog and XLS' are one function. A constant changed in the kernel is found out."""

import pytest
from tests.hls.needs import needs_xls

from gatewright.gen.design import design_of
from gatewright.gen.hls.equiv import ROOMS, prove
from gatewright.hls_kernels.catalogue import kernel_of
from gatewright.hls_kernels.emit_dslx import dslx

# Saturated to 126 instead of 127; one entry of a table; a wrong number for the first element.
# One multiplier for the whole product: Yosys sees that both sides multiply the same words.
DESIGNS = {
    "requantise": ("requantise", {"limb_bits": 32}, (":127 }", ":126 }")),
    "requantise by gemmlowp": (
        "requantise",
        {"contract": "gemmlowp", "multiplier_bits": 32, "multiplier_signed": True, "shift_min": 0, "limb_bits": 32},
        (":127 }", ":126 }"),
    ),
    "gelu": ("activation", {}, (" 2, 3,", " 3, 3,")),
    "gate": ("gated", {"middle_bits": 8, "middle_fraction": 4, "shift": 4}, (":127 }", ":126 }")),
    "argmax": ("argmax", {"elements": 4, "lanes": 4}, ("uN[1]:0", "uN[1]:1")),
}  # fmt: skip


def test_every_room_that_can_be_proved_is_here():
    assert {room for room, _, _ in DESIGNS.values()} == set(ROOMS)


@needs_xls
@pytest.mark.parametrize("name", DESIGNS)
def test_our_verilog_equals_that_of_xls_for_all_inputs(name, tmp_path):
    room, parameters, _ = DESIGNS[name]
    design = design_of(room, **parameters)
    proof = prove(design, tmp_path)
    assert proof.verdict == "proved"
    assert proof.bits == sum(field.bits * field.count for field in kernel_of(design.config).inputs)


@needs_xls
@pytest.mark.parametrize("name", DESIGNS)
def test_a_kernel_with_one_constant_changed_is_refuted(name, tmp_path):
    room, parameters, (was, now) = DESIGNS[name]
    design = design_of(room, **parameters)
    source = dslx(kernel_of(design.config))
    assert was in source
    assert prove(design, tmp_path, now.join(source.rsplit(was, 1))).verdict == "refuted"


@needs_xls
@pytest.mark.slow
def test_the_gate_at_its_defaults_is_proved_too(tmp_path):
    assert prove(design_of("gated"), tmp_path, seconds=1200).verdict == "proved"
