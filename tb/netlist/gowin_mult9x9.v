// SPDX-License-Identifier: BSD-2-Clause
// Gowin 9x9 multiplier with optional registers on the inputs, between the stages and on the output.

module MULT9X9 (
    input [8:0] A, input [8:0] SIA, input [8:0] B, input [8:0] SIB,
    input ASIGN, input BSIGN, input ASEL, input BSEL, input CE, input CLK, input RESET,
    output [17:0] DOUT, output [8:0] SOA, output [8:0] SOB
);
    parameter AREG = 1'b0, BREG = 1'b0, OUT_REG = 1'b0, PIPE_REG = 1'b0;
    parameter ASIGN_REG = 1'b0, BSIGN_REG = 1'b0, SOA_REG = 1'b0, MULT_RESET_MODE = "SYNC";

    generate
        if (SOA_REG != 0) MULT9X9_SOA_REG_is_not_modelled stop ();
        if (MULT_RESET_MODE != "SYNC" && (AREG || BREG || OUT_REG || PIPE_REG || ASIGN_REG || BSIGN_REG))
            MULT9X9_only_MULT_RESET_MODE_SYNC_is_modelled stop ();
    endgenerate

    wire [8:0] a_pin = ASEL ? SIA : A, b_pin = BSEL ? SIB : B;
    reg [8:0] a_held = 0, b_held = 0;
    reg a_sign_held = 0, b_sign_held = 0;
    reg [17:0] product_held = 0, result_held = 0;
    wire [8:0] a = AREG ? a_held : a_pin, b = BREG ? b_held : b_pin;
    wire a_sign = ASIGN_REG ? a_sign_held : ASIGN, b_sign = BSIGN_REG ? b_sign_held : BSIGN;
    wire [17:0] product = {{9{a_sign & a[8]}}, a} * {{9{b_sign & b[8]}}, b};
    wire [17:0] piped = PIPE_REG ? product_held : product;

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
