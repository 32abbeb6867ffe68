// SPDX-License-Identifier: BSD-2-Clause
// ECP5 EHXPLLL for simulation by cycles: its output is the design's clock, and so is its input.
module EHXPLLL #(
    parameter CLKI_DIV = 1, parameter CLKFB_DIV = 1, parameter CLKOP_DIV = 8, parameter CLKOP_CPHASE = 0,
    parameter CLKOP_FPHASE = 0, parameter CLKOP_ENABLE = "ENABLED", parameter FEEDBK_PATH = "CLKOP",
    parameter OUTDIVIDER_MUXA = "DIVA"
) (
    input CLKI, CLKFB, RST, STDBY, PLLWAKESYNC, ENCLKOP, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG,
    output CLKOP, LOCK
);
    assign CLKOP = CLKI;
    assign LOCK = 1'b1;
endmodule
