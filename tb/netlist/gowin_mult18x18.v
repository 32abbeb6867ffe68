// SPDX-License-Identifier: BSD-2-Clause
// Gowin 18x18 multiplier with optional registers on the inputs, between the stages and on the output.

module MULT18X18 (
    input [17:0] A, input [17:0] SIA, input [17:0] B, input [17:0] SIB,
    input ASIGN, input BSIGN, input ASEL, input BSEL, input CE, input CLK, input RESET,
    output [35:0] DOUT, output [17:0] SOA, output [17:0] SOB
);
    parameter AREG = 1'b0, BREG = 1'b0, OUT_REG = 1'b0, PIPE_REG = 1'b0;
    parameter ASIGN_REG = 1'b0, BSIGN_REG = 1'b0, SOA_REG = 1'b0, MULT_RESET_MODE = "SYNC";

    generate
        if (SOA_REG != 0) MULT18X18_SOA_REG_is_not_modelled stop ();
        if (MULT_RESET_MODE != "SYNC" && (AREG || BREG || OUT_REG || PIPE_REG || ASIGN_REG || BSIGN_REG))
            MULT18X18_only_MULT_RESET_MODE_SYNC_is_modelled stop ();
    endgenerate

    wire [17:0] a_pin = ASEL ? SIA : A, b_pin = BSEL ? SIB : B;
    reg [17:0] a_held = 0, b_held = 0;
    reg a_sign_held = 0, b_sign_held = 0;
    reg [35:0] product_held = 0, result_held = 0;
    wire [17:0] a = AREG ? a_held : a_pin, b = BREG ? b_held : b_pin;
    wire a_sign = ASIGN_REG ? a_sign_held : ASIGN, b_sign = BSIGN_REG ? b_sign_held : BSIGN;
    wire [35:0] product = {{18{a_sign & a[17]}}, a} * {{18{b_sign & b[17]}}, b};
    wire [35:0] piped = PIPE_REG ? product_held : product;

    always @(posedge CLK)
        if (RESET) begin
            a_held <= 0; b_held <= 0; a_sign_held <= 0; b_sign_held <= 0; product_held <= 0; result_held <= 0;
        end else if (CE) begin
            a_held <= a_pin; b_held <= b_pin; a_sign_held <= ASIGN; b_sign_held <= BSIGN;
            product_held <= product; result_held <= piped;
        end
    assign DOUT = OUT_REG ? result_held : piped;
    assign SOA = a;
    assign SOB = b;
endmodule
