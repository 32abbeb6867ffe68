// SPDX-License-Identifier: BSD-2-Clause
// Gowin block RAM of 18 kbit, one port, bytes of 9 bits.

module SPX9 (
    output [35:0] DO, input [35:0] DI, input [2:0] BLKSEL, input [13:0] AD,
    input WRE, input CLK, input CE, input OCE, input RESET
);
    parameter READ_MODE = 1'b0, WRITE_MODE = 2'b00, BIT_WIDTH = 36, BLK_SEL = 3'b000, RESET_MODE = "SYNC";
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
        if (READ_MODE != 0) SPX9_READ_MODE_1_is_not_modelled stop ();
        if (!(RESET_MODE == "SYNC" || RESET_MODE == "ASYNC")) SPX9_RESET_MODE_is_not_modelled stop ();
        if (!(BIT_WIDTH == 9 || BIT_WIDTH == 18 || BIT_WIDTH == 36))
            SPX9_BIT_WIDTH_is_not_modelled stop ();
        if (WRITE_MODE > 2) SPX9_WRITE_MODE_must_be_0_1_or_2 stop ();
    endgenerate

    gatewright_sim_memory_core #(
        .UNIT(9), .A_WIDTH(BIT_WIDTH), .A_MODE(WRITE_MODE),
        .B_WIDTH(9), .RESET_ASYNC(RESET_MODE == "ASYNC"), .INIT(WORDS)
    ) core (
        .a_clk(CLK), .a_ce(CE & BLKSEL == BLK_SEL), .a_we(WRE), .a_rst(RESET), .a_addr(AD),
        .a_in(DI), .a_out(DO),
        .b_clk(1'b0), .b_ce(1'b0), .b_we(1'b0), .b_rst(1'b0), .b_addr(14'd0),
        .b_in(36'd0), .b_out()
    );
endmodule
