# SPDX-License-Identifier: BSD-2-Clause
"""LUTs move into carry cells, and every result stays what it was."""

from itertools import product

import numpy as np
import pytest

from gatewright.gen.flow.ecp5_carry import Half, absorb_luts, arrange, substitute
from gatewright.gen.flow.netlist_check import compare_netlist
from gatewright.gen.flow.synth import SynthOptions, synthesise

NETS = (2, 3, 4, 5)
DESIGN = """\
module top(input clk, input [7:0] a, b, input [3:0] flags,
    output reg [9:0] negated, both, chosen, output reg [8:0] minus);
  // A single adder each: the carry enters below the lowest bit.
  wire [9:0] x = {{2{a[7]}}, a}, y = {{2{b[7]}}, b};
  wire [9:0] t = (y & {10{flags[0]}}) ^ {10{flags[1]}};
  wire [9:0] u = x ^ {10{flags[2]}}, v = y ^ {10{flags[3]}};
  wire [9:0] w = flags[0] ? x : 10'd0;
  wire [10:0] n = {x, 1'b1} + {t, flags[1]};
  wire [10:0] p = {u, 1'b1} + {v, flags[2]};
  always @(posedge clk) begin
    negated <= n[10:1]; both <= p[10:1]; chosen <= w + y; minus <= -{1'b0, a & {8{flags[3]}}};
  end
endmodule
"""


def levels_of(pins, number):
    return {net: number >> index & 1 for index, net in enumerate(pins)}


def check(half: Half, found: tuple) -> None:
    pins, init = found
    for number in range(16):
        levels = levels_of(NETS, number)
        at = [1 if pin == "1" else levels[pin] for pin in pins]
        propagate = init >> sum(bit << k for k, bit in enumerate(at)) & 1
        generate = init >> (at[0] | at[1] << 1) & 1
        assert propagate == half.propagate(levels)
        if half.carries and not propagate:
            assert generate == half.generate(levels)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_an_arrangement_does_what_was_asked(count):
    rng, found = np.random.default_rng(1), 0
    for carries in (True, False):
        for _ in range(150):
            p, g = (rng.integers(0, 2, 1 << count).tolist() for _ in range(2))
            nets = NETS[:count]
            row = lambda levels, nets=nets: sum(levels[net] << k for k, net in enumerate(nets))  # noqa: E731
            half = Half(nets, lambda v, p=p, row=row: p[row(v)], lambda v, g=g, row=row: g[row(v)], carries)
            plan = arrange(half)
            if plan:
                check(half, plan)
                found += 1
    assert found >= 150  # without a carry to give, any function fits


def test_an_adder_takes_in_negation_and_mask():
    a, x, mask, sign = NETS
    adder = Half((a, 9), lambda v: v[a] ^ v[9], lambda v: v[a], True)
    half = substitute(adder, 9, (x, mask, sign), lambda v: v[x] & v[mask] ^ v[sign])
    plan = arrange(half)
    assert plan
    check(half, plan)


def test_five_inputs_do_not_fit():
    half = Half((*NETS, 6), lambda v: 0, lambda v: 0, False)
    assert arrange(half) is None


def test_netlist_equals_rtl_with_fewer_luts(tmp_path):
    (tmp_path / "top.v").write_text(DESIGN)
    counts = []
    for absorb in (False, True):
        work = tmp_path / str(absorb)
        synth = synthesise([tmp_path / "top.v"], "top", "ecp5", work, SynthOptions(carry_luts=absorb))
        counts.append(synth.counts)
        found = compare_netlist(tmp_path / "top.v", synth.json_netlist, "top", "ecp5", work / "check")
        assert (found.mismatches, found.outputs_moved) == (0, found.outputs_compared)
    assert counts[0]["CCU2C"] == counts[1]["CCU2C"]
    assert counts[0]["LUT4"] >= 30
    assert counts[1].get("LUT4", 0) <= 1  # a sum of one bit is no chain
    assert "absorb" in SynthOptions(carry_luts=True).flags("ecp5")
    assert "absorb" not in SynthOptions(carry_luts=True).flags("ice40")


def test_a_lut_that_drives_a_chains_carry_stays():
    pins = {f"{pin}{side}": [10] for pin in "ABCD" for side in "01"}
    outputs = {"S0": [20], "S1": [21], "COUT": [22]}
    lut = {
        "type": "LUT4", "parameters": {"INIT": "1000000000000000"}, "attributes": {},
        "port_directions": dict.fromkeys("ABCD", "input") | {"Z": "output"},
        "connections": {"A": [2], "B": [3], "C": [4], "D": [5], "Z": [6]},
    }  # fmt: skip
    carry = {
        "type": "CCU2C", "attributes": {},
        "parameters": {"INIT0": "0" * 16, "INIT1": "0" * 16, "INJECT1_0": "NO", "INJECT1_1": "NO"},
        "port_directions": dict.fromkeys([*pins, "CIN"], "input") | dict.fromkeys(outputs, "output"),
        "connections": pins | {"CIN": [6]} | outputs,
    }  # fmt: skip
    module = {"cells": {"lut": lut, "carry": carry}, "ports": {"s": {"bits": [20]}}}
    assert absorb_luts({"modules": {"top": module}}) == 0
    assert module["cells"]["carry"]["connections"]["CIN"] == [6]


def test_every_small_carry_function_of_two_nets_fits():
    for p, g in product(range(16), repeat=2):
        half = Half(
            NETS[:2], lambda v, p=p: p >> (v[2] | v[3] << 1) & 1, lambda v, g=g: g >> (v[2] | v[3] << 1) & 1, True
        )
        plan = arrange(half)
        assert plan
        check(half, plan)
