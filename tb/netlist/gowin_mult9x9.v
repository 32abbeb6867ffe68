// SPDX-License-Identifier: BSD-2-Clause
// Gowin 9x9 multiplier without registers, as Yosys maps it.

module MULT9X9 (
    input [8:0] A, input [8:0] SIA, input [8:0] B, input [8:0] SIB,
    input ASIGN, input BSIGN, input ASEL, input BSEL, input CE, input CLK, input RESET,
    output [17:0] DOUT, output [8:0] SOA, output [8:0] SOB
);
    parameter AREG = 1'b0, BREG = 1'b0, OUT_REG = 1'b0, PIPE_REG = 1'b0;
    parameter ASIGN_REG = 1'b0, BSIGN_REG = 1'b0, SOA_REG = 1'b0, MULT_RESET_MODE = "SYNC";

    generate
        if (AREG || BREG || OUT_REG || PIPE_REG || ASIGN_REG || BSIGN_REG || SOA_REG)
            MULT9X9_registers_are_not_modelled stop ();
    endgenerate

    wire [8:0] a = ASEL ? SIA : A, b = BSEL ? SIB : B;
    assign DOUT = {{9{ASIGN & a[8]}}, a} * {{9{BSIGN & b[8]}}, b};
    assign SOA = a;
    assign SOB = b;
endmodule
