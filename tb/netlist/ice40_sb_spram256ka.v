// SPDX-License-Identifier: BSD-2-Clause
// iCE40 UltraPlus SPRAM, 16,384 x 16: one address, a write mask bit per nibble, no first contents.
// A write leaves the output as it was, as Yosys maps it; the vendor's words leave it open.

module SB_SPRAM256KA (
    input [13:0] ADDRESS, input [15:0] DATAIN, input [3:0] MASKWREN,
    input WREN, CHIPSELECT, CLOCK, STANDBY, SLEEP, POWEROFF,
    output reg [15:0] DATAOUT
);
    reg [15:0] words [0:16383];
    wire on = CHIPSELECT & ~STANDBY & ~SLEEP & POWEROFF;
    integer i;
    initial DATAOUT = 0;
    always @(posedge CLOCK) if (on) begin
        if (!WREN) DATAOUT <= words[ADDRESS];
        else for (i = 0; i < 4; i = i + 1) if (MASKWREN[i]) words[ADDRESS][4*i +: 4] <= DATAIN[4*i +: 4];
    end
endmodule
