// SPDX-License-Identifier: BSD-2-Clause
// Two-port block RAM of 2,048 bytes of UNIT bits: the common body of the ECP5 and Gowin memories.
//
// Addresses count bits of 8-bit bytes (14 bits); a port of several bytes takes byte enables in the
// low address bits, as both vendors do. Widths below UNIT reach the low 8 bits of a byte.
// MODE: what a write leaves on the port's own output: 0 nothing, 1 the new data, 2 the old data.
// A read beside a write of the other port gives the old data.

module gatewright_sim_memory_core #(
    parameter UNIT = 9,
    parameter A_WIDTH = 9, parameter A_MODE = 0,
    parameter B_WIDTH = 9, parameter B_MODE = 0,
    parameter RESET_BLOCKS_WRITE = 0, parameter RESET_ASYNC = 0,
    parameter [2048*UNIT-1:0] INIT = 0
) (
    input a_clk, input a_ce, input a_we, input a_rst, input [13:0] a_addr,
    input [4*UNIT-1:0] a_in, output [4*UNIT-1:0] a_out,
    input b_clk, input b_ce, input b_we, input b_rst, input [13:0] b_addr,
    input [4*UNIT-1:0] b_in, output [4*UNIT-1:0] b_out
);
    reg [UNIT-1:0] bytes [0:2047];
    integer i;
    initial for (i = 0; i < 2048; i = i + 1) bytes[i] = INIT[i*UNIT +: UNIT];

    localparam A_COUNT = A_WIDTH < UNIT ? 1 : A_WIDTH / UNIT;
    localparam B_COUNT = B_WIDTH < UNIT ? 1 : B_WIDTH / UNIT;
    wire [10:0] a_base = a_addr[13:3] & ~(A_COUNT[10:0] - 11'd1);
    wire [10:0] b_base = b_addr[13:3] & ~(B_COUNT[10:0] - 11'd1);
    wire [2:0] a_bit = a_addr[2:0] & ~(A_WIDTH[2:0] - 3'd1);
    wire [2:0] b_bit = b_addr[2:0] & ~(B_WIDTH[2:0] - 3'd1);
    wire a_write = a_ce & a_we & ~(RESET_BLOCKS_WRITE[0] & a_rst);
    wire b_write = b_ce & b_we & ~(RESET_BLOCKS_WRITE[0] & b_rst);

    reg [4*UNIT-1:0] a_old, a_new, b_old, b_new, a_q, b_q;
    integer j, k;
    always @* begin
        a_old = 0;
        if (A_WIDTH < UNIT) a_old[UNIT-1:0] = bytes[a_base] >> a_bit & ((1 << A_WIDTH) - 1);
        else for (j = 0; j < A_COUNT; j = j + 1) a_old[j*UNIT +: UNIT] = bytes[a_base + j[10:0]];
        a_new = a_old;
        for (j = 0; j < A_COUNT; j = j + 1)
            if (A_COUNT == 1 || a_addr[j]) a_new[j*UNIT +: UNIT] = a_in[j*UNIT +: UNIT];
        if (A_WIDTH < UNIT) a_new = a_new & ((1 << A_WIDTH) - 1);
    end
    always @* begin
        b_old = 0;
        if (B_WIDTH < UNIT) b_old[UNIT-1:0] = bytes[b_base] >> b_bit & ((1 << B_WIDTH) - 1);
        else for (k = 0; k < B_COUNT; k = k + 1) b_old[k*UNIT +: UNIT] = bytes[b_base + k[10:0]];
        b_new = b_old;
        for (k = 0; k < B_COUNT; k = k + 1)
            if (B_COUNT == 1 || b_addr[k]) b_new[k*UNIT +: UNIT] = b_in[k*UNIT +: UNIT];
        if (B_WIDTH < UNIT) b_new = b_new & ((1 << B_WIDTH) - 1);
    end

    integer m, n;
    always @(posedge a_clk) if (a_write) begin
        if (A_WIDTH < UNIT)
            bytes[a_base] <= bytes[a_base] & ~(((1 << A_WIDTH) - 1) << a_bit) | a_new[UNIT-1:0] << a_bit;
        else for (m = 0; m < A_COUNT; m = m + 1)
            if (A_COUNT == 1 || a_addr[m]) bytes[a_base + m[10:0]] <= a_in[m*UNIT +: UNIT];
    end
    always @(posedge b_clk) if (b_write) begin
        if (B_WIDTH < UNIT)
            bytes[b_base] <= bytes[b_base] & ~(((1 << B_WIDTH) - 1) << b_bit) | b_new[UNIT-1:0] << b_bit;
        else for (n = 0; n < B_COUNT; n = n + 1)
            if (B_COUNT == 1 || b_addr[n]) bytes[b_base + n[10:0]] <= b_in[n*UNIT +: UNIT];
    end

    // Reset of an output does not wait for the clock enable.
    wire a_keep = ~a_ce | (a_we & A_MODE == 0), b_keep = ~b_ce | (b_we & B_MODE == 0);
    wire [4*UNIT-1:0] a_next = a_we & A_MODE == 1 ? a_new : a_old, b_next = b_we & B_MODE == 1 ? b_new : b_old;
    initial begin a_q = 0; b_q = 0; end
    generate
        if (RESET_ASYNC) begin : g_async
            always @(posedge a_clk or posedge a_rst) if (a_rst) a_q <= 0; else if (!a_keep) a_q <= a_next;
            always @(posedge b_clk or posedge b_rst) if (b_rst) b_q <= 0; else if (!b_keep) b_q <= b_next;
        end else begin : g_sync
            always @(posedge a_clk) if (a_rst) a_q <= 0; else if (!a_keep) a_q <= a_next;
            always @(posedge b_clk) if (b_rst) b_q <= 0; else if (!b_keep) b_q <= b_next;
        end
    endgenerate
    assign a_out = a_q;
    assign b_out = b_q;
endmodule
