// SPDX-License-Identifier: BSD-2-Clause
// Gowin 18x18 multiplier without registers, as Yosys maps it.

module MULT18X18 (
    input [17:0] A, input [17:0] SIA, input [17:0] B, input [17:0] SIB,
    input ASIGN, input BSIGN, input ASEL, input BSEL, input CE, input CLK, input RESET,
    output [35:0] DOUT, output [17:0] SOA, output [17:0] SOB
);
    parameter AREG = 1'b0, BREG = 1'b0, OUT_REG = 1'b0, PIPE_REG = 1'b0;
    parameter ASIGN_REG = 1'b0, BSIGN_REG = 1'b0, SOA_REG = 1'b0, MULT_RESET_MODE = "SYNC";

    generate
        if (AREG || BREG || OUT_REG || PIPE_REG || ASIGN_REG || BSIGN_REG || SOA_REG)
            MULT18X18_registers_are_not_modelled stop ();
    endgenerate

    wire [17:0] a = ASEL ? SIA : A, b = BSEL ? SIB : B;
    assign DOUT = {{18{ASIGN & a[17]}}, a} * {{18{BSIGN & b[17]}}, b};
    assign SOA = a;
    assign SOB = b;
endmodule
