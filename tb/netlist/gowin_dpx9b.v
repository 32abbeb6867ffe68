// SPDX-License-Identifier: BSD-2-Clause
// Gowin block RAM of 18 kbit, true dual port, bytes of 9 bits.

module DPX9B (
    output [17:0] DOA, output [17:0] DOB, input [17:0] DIA, input [17:0] DIB,
    input [2:0] BLKSELA, input [2:0] BLKSELB, input [13:0] ADA, input [13:0] ADB, input WREA, input WREB,
    input CLKA, input CLKB, input CEA, input CEB, input OCEA, input OCEB, input RESETA, input RESETB
);
    parameter READ_MODE0 = 1'b0, READ_MODE1 = 1'b0, WRITE_MODE0 = 2'b00, WRITE_MODE1 = 2'b00;
    parameter BIT_WIDTH_0 = 18, BIT_WIDTH_1 = 18, BLK_SEL_0 = 3'b000, BLK_SEL_1 = 3'b000;
    parameter RESET_MODE = "SYNC";
    parameter [287:0] INIT_RAM_00 = 0, INIT_RAM_01 = 0, INIT_RAM_02 = 0, INIT_RAM_03 = 0, INIT_RAM_04 = 0,
    INIT_RAM_05 = 0, INIT_RAM_06 = 0, INIT_RAM_07 = 0, INIT_RAM_08 = 0, INIT_RAM_09 = 0, INIT_RAM_0A = 0,
    INIT_RAM_0B = 0, INIT_RAM_0C = 0, INIT_RAM_0D = 0, INIT_RAM_0E = 0, INIT_RAM_0F = 0, INIT_RAM_10 = 0,
    INIT_RAM_11 = 0, INIT_RAM_12 = 0, INIT_RAM_13 = 0, INIT_RAM_14 = 0, INIT_RAM_15 = 0, INIT_RAM_16 = 0,
    INIT_RAM_17 = 0, INIT_RAM_18 = 0, INIT_RAM_19 = 0, INIT_RAM_1A = 0, INIT_RAM_1B = 0, INIT_RAM_1C = 0,
    INIT_RAM_1D = 0, INIT_RAM_1E = 0, INIT_RAM_1F = 0, INIT_RAM_20 = 0, INIT_RAM_21 = 0, INIT_RAM_22 = 0,
    INIT_RAM_23 = 0, INIT_RAM_24 = 0, INIT_RAM_25 = 0, INIT_RAM_26 = 0, INIT_RAM_27 = 0, INIT_RAM_28 = 0,
    INIT_RAM_29 = 0, INIT_RAM_2A = 0, INIT_RAM_2B = 0, INIT_RAM_2C = 0, INIT_RAM_2D = 0, INIT_RAM_2E = 0,
    INIT_RAM_2F = 0, INIT_RAM_30 = 0, INIT_RAM_31 = 0, INIT_RAM_32 = 0, INIT_RAM_33 = 0, INIT_RAM_34 = 0,
    INIT_RAM_35 = 0, INIT_RAM_36 = 0, INIT_RAM_37 = 0, INIT_RAM_38 = 0, INIT_RAM_39 = 0, INIT_RAM_3A = 0,
    INIT_RAM_3B = 0, INIT_RAM_3C = 0, INIT_RAM_3D = 0, INIT_RAM_3E = 0, INIT_RAM_3F = 0;
    localparam [18431:0] WORDS = {
        INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B, INIT_RAM_3A, INIT_RAM_39,
        INIT_RAM_38, INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32,
        INIT_RAM_31, INIT_RAM_30, INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B,
        INIT_RAM_2A, INIT_RAM_29, INIT_RAM_28, INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24,
        INIT_RAM_23, INIT_RAM_22, INIT_RAM_21, INIT_RAM_20, INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D,
        INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19, INIT_RAM_18, INIT_RAM_17, INIT_RAM_16,
        INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11, INIT_RAM_10, INIT_RAM_0F,
        INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09, INIT_RAM_08,
        INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01,
        INIT_RAM_00
    };

    generate
        if (READ_MODE0 != 0 || READ_MODE1 != 0) DPX9B_READ_MODE_1_is_not_modelled stop ();
        if (!(RESET_MODE == "SYNC" || RESET_MODE == "ASYNC")) DPX9B_RESET_MODE_is_not_modelled stop ();
        if (!(BIT_WIDTH_0 == 9 || BIT_WIDTH_0 == 18))
            DPX9B_BIT_WIDTH_0_is_not_modelled stop ();
        if (!(BIT_WIDTH_1 == 9 || BIT_WIDTH_1 == 18))
            DPX9B_BIT_WIDTH_1_is_not_modelled stop ();
        if (WRITE_MODE0 > 2) DPX9B_WRITE_MODE0_must_be_0_1_or_2 stop ();
        if (WRITE_MODE1 > 2) DPX9B_WRITE_MODE1_must_be_0_1_or_2 stop ();
    endgenerate

    wire [17:0] a_unused, b_unused;
    gatewright_sim_memory_core #(
        .UNIT(9), .A_WIDTH(BIT_WIDTH_0), .A_MODE(WRITE_MODE0),
        .B_WIDTH(BIT_WIDTH_1), .B_MODE(WRITE_MODE1), .RESET_ASYNC(RESET_MODE == "ASYNC"), .INIT(WORDS)
    ) core (
        .a_clk(CLKA), .a_ce(CEA & BLKSELA == BLK_SEL_0), .a_we(WREA), .a_rst(RESETA),
        .a_addr(ADA), .a_in({18'd0, DIA}), .a_out({a_unused, DOA}),
        .b_clk(CLKB), .b_ce(CEB & BLKSELB == BLK_SEL_1), .b_we(WREB), .b_rst(RESETB),
        .b_addr(ADB), .b_in({18'd0, DIB}), .b_out({b_unused, DOB})
    );
endmodule
