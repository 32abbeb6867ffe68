# SPDX-License-Identifier: BSD-2-Clause
"""A frame of shift registers that gives any design four pins, so that it can be placed in a small package.

Every input bit comes from a flip-flop, every output bit goes through one LUT to a flip-flop: the clock
rate found is that of the design's own paths unless those are shorter than this.
"""

from gatewright.gen.design import Design

WRAPPED_TOP = "gatewright_wrapped"


def wrap(design: Design) -> str:
    """Give the Verilog of a module `WRAPPED_TOP` around the design's top module."""
    inputs, outputs, wires = 0, 0, []
    for port in design.config.inputs:
        wires.append(f".{port.name}__payload(in[{inputs} +: {port.bits}])")
        wires.append(f".{port.name}__valid(in[{inputs + port.bits}])")
        wires.append(f".{port.name}__ready(out[{outputs}])")
        inputs, outputs = inputs + port.bits + 1, outputs + 1
    for port in design.config.outputs:
        wires.append(f".{port.name}__payload(out[{outputs} +: {port.bits}])")
        wires.append(f".{port.name}__valid(out[{outputs + port.bits}])")
        wires.append(f".{port.name}__ready(in[{inputs}])")
        inputs, outputs = inputs + 1, outputs + port.bits + 1
    pins = ",\n    ".join([".clk(clk), .rst(rst)", *wires])
    return f"""
module {WRAPPED_TOP}(input clk, input rst, input [1:0] d, output q);
  reg [{inputs - 1}:0] in;
  wire [{outputs - 1}:0] out;
  reg [{outputs - 1}:0] shift;
  reg load;
  assign q = shift[{outputs - 1}];
  always @(posedge clk) begin
    load <= d[1];
    in <= {{in, d[0]}};
    shift <= load ? out : {{shift, 1'b0}};
  end
  {design.top} inner(
    {pins}
  );
endmodule
"""
