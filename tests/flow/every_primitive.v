// SPDX-License-Identifier: BSD-2-Clause
// What synthesis turns into every primitive that the netlist check models: logic, multipliers, memories.

module logic_cells(input clk, rst, en, input [31:0] a, b, input [3:0] wa, ra,
        output reg [32:0] sum, output reg [7:0] count, output reg flag, output reg [7:0] held, output [4:0] few,
        output less);
    reg [4:0] small [0:15];
    integer i;
    initial for (i = 0; i < 16; i = i + 1) small[i] = i * 7 + 3;
    initial begin count = 8'd93; flag = 1; held = 8'ha5; end
    assign few = small[ra];
    assign less = $signed(a) < $signed(b);
    always @(posedge clk) begin
        sum <= a + b;
        if (en) count <= count - a[2:0];
        if (rst) count <= 8'd93;
        if (rst) flag <= 1; else flag <= ^a;
        if (en & a[0]) held <= b[7:0];
        if (en) small[wa] <= b[4:0];
    end
endmodule

module products(input clk, en, input [17:0] a, b, output reg [35:0] uu, output reg [35:0] ss,
        output reg [15:0] bytes, output reg [24:0] mixed, output reg signed [31:0] acc, output reg signed [16:0] dot);
    // Without the attribute Yosys 0.70 loses one of the two products on iCE40.
    (* keep *) reg signed [15:0] p0, p1;
    initial acc = 0;
    always @(posedge clk) begin
        uu <= a * b;
        ss <= $signed(a) * $signed(b);
        bytes <= $signed(a[7:0]) * $signed(b[7:0]);
        mixed <= $signed(a[15:0]) * $signed({1'b0, b[7:0]});
        if (en) acc <= acc + $signed(a[15:0]) * $signed(b[15:0]);
        p0 <= $signed(a[7:0]) * $signed(a[15:8]);
        p1 <= $signed(b[7:0]) * $signed(b[15:8]);
        dot <= p0 + p1;
    end
endmodule

// One writer and one reader of each width, with the resets that the block RAMs have.
module two_ports(input clk, rst, en, we, input [5:0] ra, wa, input [35:0] d,
        output reg [35:0] q36, output reg [17:0] q18, output reg [8:0] q9, output reg [3:0] q4, output reg [1:0] q2,
        output reg q1);
    (* ram_style = "block" *) reg [35:0] m36 [0:63];
    (* ram_style = "block" *) reg [17:0] m18 [0:63];
    (* ram_style = "block" *) reg [8:0] m9 [0:63];
    (* ram_style = "block" *) reg [3:0] m4 [0:63];
    (* ram_style = "block" *) reg [1:0] m2 [0:63];
    (* ram_style = "block" *) reg m1 [0:63];
    integer i;
    initial for (i = 0; i < 64; i = i + 1) begin
        m36[i] = i * 36'd20401093731; m18[i] = i * 9773; m9[i] = i * 77 + 5; m4[i] = i * 11 >> 2;
        m2[i] = i * 7 >> 3; m1[i] = ^(i * 29);
    end
    always @(posedge clk) begin
        if (we) begin m36[wa] <= d; m9[wa] <= d[8:0]; m4[wa] <= d[3:0]; m2[wa] <= d[1:0]; m1[wa] <= d[0]; end
        if (we & d[0]) m18[wa][8:0] <= d[17:9];
        if (we & d[1]) m18[wa][17:9] <= d[26:18];
        if (en) begin
            q36 <= m36[ra]; q4 <= m4[ra]; q2 <= m2[ra]; q1 <= m1[ra];
        end
        if (rst) q9 <= 0; else if (en) q9 <= m9[ra];
    end
    always @(posedge clk or posedge rst) if (rst) q18 <= 0; else if (en) q18 <= m18[ra];
endmodule

// One port that reads and writes: what the read gives beside a write is old, new, or what it gave before.
module one_port(input clk, en, we, input [5:0] at, input [8:0] d,
        output reg [8:0] old, output reg [8:0] fresh, output reg [7:0] same);
    (* ram_style = "block" *) reg [8:0] mo [0:63];
    (* ram_style = "block" *) reg [8:0] mf [0:63];
    (* ram_style = "block" *) reg [7:0] ms [0:63];
    integer i;
    initial for (i = 0; i < 64; i = i + 1) begin mo[i] = i * 5; mf[i] = i * 9; ms[i] = i * 17; end
    always @(posedge clk) if (en) begin
        if (we) begin mo[at] <= d; mf[at] <= d; ms[at] <= d[7:0]; end
        old <= mo[at];
        fresh <= we ? d : mf[at];
        if (!we) same <= ms[at];
    end
endmodule

module tables(input clk, en, input [5:0] ra, output reg [35:0] rom36, output reg [17:0] rom18, output reg [7:0] rom8,
        output reg [3:0] rom4, output reg [1:0] rom2, output reg rom1);
    (* ram_style = "block" *) reg [35:0] t36 [0:63];
    (* ram_style = "block" *) reg [17:0] t18 [0:63];
    (* ram_style = "block" *) reg [7:0] t8 [0:63];
    (* ram_style = "block" *) reg [3:0] t4 [0:63];
    (* ram_style = "block" *) reg [1:0] t2 [0:63];
    (* ram_style = "block" *) reg t1 [0:63];
    integer i;
    initial for (i = 0; i < 64; i = i + 1) begin
        t36[i] = i * 36'd11400193739; t18[i] = i * 7793; t8[i] = (i * i + 3 * i) >> 2; t4[i] = i * 13 >> 1;
        t2[i] = i * 5 >> 2; t1[i] = ^(i * 23);
    end
    always @(posedge clk) if (en) begin
        rom36 <= t36[ra]; rom18 <= t18[ra]; rom8 <= t8[ra]; rom4 <= t4[ra]; rom2 <= t2[ra]; rom1 <= t1[ra];
    end
endmodule

module every_primitive(input clk, rst, en, we, input [31:0] a, b, input [5:0] ra, wa, input [35:0] d,
        output [32:0] sum, output [7:0] count, output flag, output [7:0] held, output [4:0] few, output less,
        output [35:0] uu, ss, output [15:0] bytes, output [24:0] mixed, output [31:0] acc, output [16:0] dot,
        output [35:0] q36, output [17:0] q18, output [8:0] q9, output [3:0] q4, output [1:0] q2, output q1,
        output [8:0] old, fresh, output [7:0] same, output [35:0] rom36, output [17:0] rom18, output [7:0] rom8,
        output [3:0] rom4, output [1:0] rom2, output rom1);
    logic_cells one(clk, rst, en, a, b, wa[3:0], ra[3:0], sum, count, flag, held, few, less);
    products two(clk, en, a[17:0], b[17:0], uu, ss, bytes, mixed, acc, dot);
    two_ports three(clk, rst, en, we, ra, wa, d, q36, q18, q9, q4, q2, q1);
    one_port four(clk, en, we, wa, d[8:0], old, fresh, same);
    tables five(clk, en, ra, rom36, rom18, rom8, rom4, rom2, rom1);
endmodule

// A reader twice as wide as the writer.
module two_widths(input clk, en, we, input [5:0] ra, input [6:0] wa, input [8:0] d, output reg [17:0] q);
    (* ram_style = "block" *) reg [8:0] halves [0:127];
    integer i;
    initial for (i = 0; i < 128; i = i + 1) halves[i] = i * 31;
    always @(posedge clk) begin
        if (we) halves[wa] <= d;
        if (en) q <= {halves[{ra, 1'b1}], halves[{ra, 1'b0}]};
    end
endmodule
