// SPDX-License-Identifier: BSD-2-Clause
// ECP5 18x18 multiplier with optional registers on the inputs, between the stages and on the output.
// A register's CLK parameter is "NONE" (no register) or "CLK0".."CLK3". Tie the clock enable that it
// names: an open one never enables.

module MULT18X18D (
    input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
    input CLK3, CLK2, CLK1, CLK0, CE3, CE2, CE1, CE0, RST3, RST2, RST1, RST0,
    input SRIA17, SRIA16, SRIA15, SRIA14, SRIA13, SRIA12, SRIA11, SRIA10, SRIA9, SRIA8, SRIA7, SRIA6, SRIA5,
    SRIA4, SRIA3, SRIA2, SRIA1, SRIA0,
    input SRIB17, SRIB16, SRIB15, SRIB14, SRIB13, SRIB12, SRIB11, SRIB10, SRIB9, SRIB8, SRIB7, SRIB6, SRIB5,
    SRIB4, SRIB3, SRIB2, SRIB1, SRIB0,
    output SROA17, SROA16, SROA15, SROA14, SROA13, SROA12, SROA11, SROA10, SROA9, SROA8, SROA7, SROA6,
    SROA5, SROA4, SROA3, SROA2, SROA1, SROA0,
    output SROB17, SROB16, SROB15, SROB14, SROB13, SROB12, SROB11, SROB10, SROB9, SROB8, SROB7, SROB6,
    SROB5, SROB4, SROB3, SROB2, SROB1, SROB0,
    output ROA17, ROA16, ROA15, ROA14, ROA13, ROA12, ROA11, ROA10, ROA9, ROA8, ROA7, ROA6, ROA5, ROA4, ROA3,
    ROA2, ROA1, ROA0,
    output ROB17, ROB16, ROB15, ROB14, ROB13, ROB12, ROB11, ROB10, ROB9, ROB8, ROB7, ROB6, ROB5, ROB4, ROB3,
    ROB2, ROB1, ROB0,
    output ROC17, ROC16, ROC15, ROC14, ROC13, ROC12, ROC11, ROC10, ROC9, ROC8, ROC7, ROC6, ROC5, ROC4, ROC3,
    ROC2, ROC1, ROC0,
    output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17,
    P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0,
    output SIGNEDP
);
    parameter REG_INPUTA_CLK = "NONE", REG_INPUTA_CE = "CE0", REG_INPUTA_RST = "RST0";
    parameter REG_INPUTB_CLK = "NONE", REG_INPUTB_CE = "CE0", REG_INPUTB_RST = "RST0";
    parameter REG_INPUTC_CLK = "NONE", REG_INPUTC_CE = "CE0", REG_INPUTC_RST = "RST0";
    parameter REG_PIPELINE_CLK = "NONE", REG_PIPELINE_CE = "CE0", REG_PIPELINE_RST = "RST0";
    parameter REG_OUTPUT_CLK = "NONE", REG_OUTPUT_CE = "CE0", REG_OUTPUT_RST = "RST0";
    parameter CLK0_DIV = "ENABLED", CLK1_DIV = "ENABLED", CLK2_DIV = "ENABLED", CLK3_DIV = "ENABLED";
    parameter HIGHSPEED_CLK = "NONE", GSR = "ENABLED", CAS_MATCH_REG = "FALSE", SOURCEB_MODE = "B_SHIFT";
    parameter MULT_BYPASS = "DISABLED", RESETMODE = "SYNC";

    generate
        if (MULT_BYPASS != "DISABLED") MULT18X18D_MULT_BYPASS_is_not_modelled stop ();
        if (HIGHSPEED_CLK != "NONE") MULT18X18D_HIGHSPEED_CLK_is_not_modelled stop ();
        if (CAS_MATCH_REG != "FALSE") MULT18X18D_CAS_MATCH_REG_is_not_modelled stop ();
        if (SOURCEB_MODE != "B_SHIFT") MULT18X18D_SOURCEB_MODE_must_be_B_SHIFT stop ();
        if (RESETMODE != "SYNC") MULT18X18D_only_RESETMODE_SYNC_is_modelled stop ();
        if (CLK0_DIV != "ENABLED" || CLK1_DIV != "ENABLED" || CLK2_DIV != "ENABLED" || CLK3_DIV != "ENABLED")
            MULT18X18D_CLKn_DIV_must_be_ENABLED stop ();
    endgenerate

    wire [3:0] clks = {CLK3, CLK2, CLK1, CLK0}, ces = {CE3, CE2, CE1, CE0}, rsts = {RST3, RST2, RST1, RST0};
    wire [17:0] a_pin = {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
    wire [17:0] b_pin = {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
    wire [17:0] c_pin = {C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0};
    wire [17:0] a_shift = {SRIA17, SRIA16, SRIA15, SRIA14, SRIA13, SRIA12, SRIA11, SRIA10, SRIA9, SRIA8,
    SRIA7, SRIA6, SRIA5, SRIA4, SRIA3, SRIA2, SRIA1, SRIA0};
    wire [17:0] b_shift = {SRIB17, SRIB16, SRIB15, SRIB14, SRIB13, SRIB12, SRIB11, SRIB10, SRIB9, SRIB8,
    SRIB7, SRIB6, SRIB5, SRIB4, SRIB3, SRIB2, SRIB1, SRIB0};
    wire [18:0] a, b;                     // sign flag, operand
    wire [17:0] c;
    wire [36:0] product, result;          // sign flag, product
    gatewright_sim_mult18x18d_stage #(
        .WIDTH(19), .CLK(REG_INPUTA_CLK), .CE(REG_INPUTA_CE), .RST(REG_INPUTA_RST)
    ) input_a (.clks(clks), .ces(ces), .rsts(rsts), .d({SIGNEDA, SOURCEA ? a_shift : a_pin}), .q(a));
    gatewright_sim_mult18x18d_stage #(
        .WIDTH(19), .CLK(REG_INPUTB_CLK), .CE(REG_INPUTB_CE), .RST(REG_INPUTB_RST)
    ) input_b (.clks(clks), .ces(ces), .rsts(rsts), .d({SIGNEDB, SOURCEB ? b_shift : b_pin}), .q(b));
    gatewright_sim_mult18x18d_stage #(
        .WIDTH(18), .CLK(REG_INPUTC_CLK), .CE(REG_INPUTC_CE), .RST(REG_INPUTC_RST)
    ) input_c (.clks(clks), .ces(ces), .rsts(rsts), .d(c_pin), .q(c));
    wire signed [35:0] a_wide = {{18{a[18] & a[17]}}, a[17:0]}, b_wide = {{18{b[18] & b[17]}}, b[17:0]};
    wire [35:0] times = a_wide * b_wide;
    gatewright_sim_mult18x18d_stage #(
        .WIDTH(37), .CLK(REG_PIPELINE_CLK), .CE(REG_PIPELINE_CE), .RST(REG_PIPELINE_RST)
    ) pipeline (.clks(clks), .ces(ces), .rsts(rsts), .d({a[18] | b[18], times}), .q(product));
    gatewright_sim_mult18x18d_stage #(
        .WIDTH(37), .CLK(REG_OUTPUT_CLK), .CE(REG_OUTPUT_CE), .RST(REG_OUTPUT_RST)
    ) out (.clks(clks), .ces(ces), .rsts(rsts), .d(product), .q(result));
    assign {SIGNEDP, P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19,
    P18, P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = result;
    assign {SROA17, SROA16, SROA15, SROA14, SROA13, SROA12, SROA11, SROA10, SROA9, SROA8, SROA7, SROA6,
    SROA5, SROA4, SROA3, SROA2, SROA1, SROA0} = a[17:0];
    assign {SROB17, SROB16, SROB15, SROB14, SROB13, SROB12, SROB11, SROB10, SROB9, SROB8, SROB7, SROB6,
    SROB5, SROB4, SROB3, SROB2, SROB1, SROB0} = b[17:0];
    assign {ROA17, ROA16, ROA15, ROA14, ROA13, ROA12, ROA11, ROA10, ROA9, ROA8, ROA7, ROA6, ROA5, ROA4,
    ROA3, ROA2, ROA1, ROA0} = a[17:0];
    assign {ROB17, ROB16, ROB15, ROB14, ROB13, ROB12, ROB11, ROB10, ROB9, ROB8, ROB7, ROB6, ROB5, ROB4,
    ROB3, ROB2, ROB1, ROB0} = b[17:0];
    assign {ROC17, ROC16, ROC15, ROC14, ROC13, ROC12, ROC11, ROC10, ROC9, ROC8, ROC7, ROC6, ROC5, ROC4,
    ROC3, ROC2, ROC1, ROC0} = c;
endmodule

module gatewright_sim_mult18x18d_stage #(
    parameter WIDTH = 18, parameter CLK = "NONE", parameter CE = "CE0", parameter RST = "RST0"
) (input [3:0] clks, input [3:0] ces, input [3:0] rsts, input [WIDTH-1:0] d, output [WIDTH-1:0] q);
    localparam K = CLK == "CLK1" ? 1 : CLK == "CLK2" ? 2 : CLK == "CLK3" ? 3 : 0;
    localparam E = CE == "CE1" ? 1 : CE == "CE2" ? 2 : CE == "CE3" ? 3 : 0;
    localparam R = RST == "RST1" ? 1 : RST == "RST2" ? 2 : RST == "RST3" ? 3 : 0;
    generate
        if (CLK == "NONE") begin : g_wire
            assign q = d;
        end else begin : g_register
            if (CLK != "CLK0" && K == 0) MULT18X18D_a_register_s_clock_must_be_NONE_or_CLK0_CLK3 stop ();
            if (CE != "CE0" && E == 0) MULT18X18D_a_register_s_enable_must_be_CE0_CE3 stop ();
            if (RST != "RST0" && R == 0) MULT18X18D_a_register_s_reset_must_be_RST0_RST3 stop ();
            wire clock = clks[K];
            reg [WIDTH-1:0] held = 0;
            always @(posedge clock)
                if (rsts[R]) held <= 0; else if (ces[E]) held <= d;
            assign q = held;
        end
    endgenerate
endmodule
