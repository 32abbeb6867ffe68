// SPDX-License-Identifier: BSD-2-Clause
// iCE40 block RAM, 4 kbit. Mode 0 is 256x16 with a bit mask, mode m reaches every (1 << m)th bit of a
// row; the address bits above 7 choose which.

module SB_RAM40_4K (
    output [15:0] RDATA, input RCLK, input RCLKE, input RE, input [10:0] RADDR,
    input WCLK, input WCLKE, input WE, input [10:0] WADDR, input [15:0] MASK, input [15:0] WDATA
);
    parameter WRITE_MODE = 0, READ_MODE = 0, INIT_FILE = "";
    parameter [255:0] INIT_0 = 0, INIT_1 = 0, INIT_2 = 0, INIT_3 = 0, INIT_4 = 0, INIT_5 = 0, INIT_6 = 0,
    INIT_7 = 0, INIT_8 = 0, INIT_9 = 0, INIT_A = 0, INIT_B = 0, INIT_C = 0, INIT_D = 0, INIT_E = 0, INIT_F =
    0;
    localparam [4095:0] WORDS = {
        INIT_F, INIT_E, INIT_D, INIT_C, INIT_B, INIT_A, INIT_9, INIT_8, INIT_7, INIT_6, INIT_5, INIT_4,
        INIT_3, INIT_2, INIT_1, INIT_0
    };
    generate
        if (INIT_FILE != "") SB_RAM40_4K_INIT_FILE_is_not_modelled stop ();
        if (WRITE_MODE > 3 || READ_MODE > 3) SB_RAM40_4K_modes_must_lie_in_0_3 stop ();
    endgenerate

    localparam W_STEP = 1 << WRITE_MODE, R_STEP = 1 << READ_MODE;
    localparam W_PIN = WRITE_MODE == 0 ? 0 : W_STEP / 2 - 1, R_PIN = READ_MODE == 0 ? 0 : R_STEP / 2 - 1;
    wire [2:0] w_part = WADDR[10:8] & (W_STEP[2:0] - 3'd1), r_part = RADDR[10:8] & (R_STEP[2:0] - 3'd1);
    reg [15:0] rows [0:255];
    integer i, j, k;
    initial for (i = 0; i < 256; i = i + 1) rows[i] = WORDS[i*16 +: 16];

    reg [15:0] data, keep;
    always @* begin
        data = WDATA;
        keep = MASK;
        if (WRITE_MODE != 0) begin
            data = 0;
            keep = 16'hffff;
            for (j = 0; j < 16 / W_STEP; j = j + 1) begin
                data[j*W_STEP + {29'd0, w_part}] = WDATA[j*W_STEP + W_PIN];
                keep[j*W_STEP + {29'd0, w_part}] = 1'b0;
            end
        end
    end
    always @(posedge WCLK) if (WE & WCLKE) rows[WADDR[7:0]] <= rows[WADDR[7:0]] & keep | data & ~keep;

    reg [15:0] row = 0;
    reg [2:0] part = 0;
    always @(posedge RCLK) if (RE & RCLKE) begin row <= rows[RADDR[7:0]]; part <= r_part; end
    reg [15:0] out;
    always @* begin
        out = row;
        if (READ_MODE != 0) begin
            out = 0;
            for (k = 0; k < 16 / R_STEP; k = k + 1) out[k*R_STEP + R_PIN] = row[k*R_STEP + {29'd0, part}];
        end
    end
    assign RDATA = out;
endmodule
