// SPDX-License-Identifier: BSD-2-Clause
// iCE40 UltraPlus single-port RAM, 16,384x16, written in nibbles. A write leaves the output as it was;
// standby freezes it; sleep and power off clear the output. Contents start at zero here, undefined in the chip.

module SB_SPRAM256KA (
    input [13:0] ADDRESS, input [15:0] DATAIN, input [3:0] MASKWREN, input WREN, input CHIPSELECT, input CLOCK,
    input STANDBY, input SLEEP, input POWEROFF, output reg [15:0] DATAOUT
);
    reg [15:0] words [0:16383];
    wire [15:0] keep = ~{{4{MASKWREN[3]}}, {4{MASKWREN[2]}}, {4{MASKWREN[1]}}, {4{MASKWREN[0]}}};
    wire awake = ~SLEEP & POWEROFF;  // POWEROFF is active low
    initial DATAOUT = 0;
    always @(posedge CLOCK)
        if (!awake) DATAOUT <= 0;
        else if (CHIPSELECT & ~STANDBY) begin
            if (WREN) words[ADDRESS] <= words[ADDRESS] & keep | DATAIN & ~keep;
            else DATAOUT <= words[ADDRESS];
        end
endmodule
