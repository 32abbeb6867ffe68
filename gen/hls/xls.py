# SPDX-License-Identifier: BSD-2-Clause
"""The open route: DSLX through XLS to a compiled function and to Verilog. XLS is the extra ``hls``."""

import importlib.util
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gatewright.hls_kernels.emit_dslx import dslx
from gatewright.hls_kernels.kernel import Kernel
from gatewright.hw.core.errors import ToolError
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, beat_count


def installed() -> bool:
    """Tell whether XLS is there."""
    return importlib.util.find_spec("xls") is not None


def xls() -> Any:
    """Import XLS.

    Raises
    ------
    ToolError
        If it is not installed.
    """
    if not installed():
        raise ToolError("XLS was not found; install it with `pip install gatewright[hls]`")
    import xls as found

    return found


@dataclass(frozen=True)
class XlsKernel:
    """A kernel that XLS has compiled.

    Attributes
    ----------
    kernel : Kernel
        Gives the ports.
    source : str
        DSLX in place of the kernel's own: tests plant faults there.
    """

    kernel: Kernel
    source: str = ""

    @cached_property
    def ir(self) -> str:
        """The optimised intermediate form."""
        name = self.kernel.name
        try:
            text = xls().convert_dslx_to_ir(self.source or dslx(self.kernel), f"{name}.x", name)
            return str(xls().optimize_ir(text, self._top))
        except RuntimeError as error:
            raise ToolError(f"XLS failed on {name}.x: {str(error).strip().splitlines()[0]}") from None

    @property
    def _top(self) -> str:
        return str(xls().mangle_dslx_name(self.kernel.name, self.kernel.name))

    def run(self, frames: Beats) -> Beats:
        """Compute frames in XLS' compiled function."""
        package = xls().parse_ir_package(self.ir)  # it belongs to one use
        function = package.get_function(self._top).to_jit()
        inputs, outputs = self.kernel.inputs, self.kernel.outputs
        found: dict[str, list[Any]] = {field.name: [] for field in outputs}
        for at in range(beat_count(frames)):
            result = function.run([_value(field, frames[field.name][at]) for field in inputs])
            for number, field in enumerate(outputs):
                part = result.get_element(number) if len(outputs) > 1 else result
                found[field.name].append(_numbers(field, part))
        return {field.name: np.array(found[field.name], np.int64) for field in outputs}

    def verilog(self, stages: int = 0) -> str:
        """Give Verilog: combinational, or a pipeline of ``stages`` with ``valid`` beside the data.

        The module has the kernel's name, its inputs as ports and one output ``out``; arrays start at the
        low end, several results at the high end.
        """
        package = xls().parse_ir_package(self.ir)
        package.set_top(self._top)
        common = {"module_name": f"xls_{self.kernel.name}", "use_system_verilog": False, "top": self._top}
        if not stages:
            made = package.schedule_and_codegen(generator="combinational", **common)
        else:
            made = package.schedule_and_codegen(
                generator="pipeline", pipeline_stages=stages, delay_model="unit", with_delay_model=True, reset="rst",
                input_valid_signal="i_valid", output_valid_signal="o_valid", flop_inputs=True, flop_outputs=True,
                **common,
            )  # fmt: skip
        return str(made.get_verilog_text())


def _value(field: PayloadField, number: Any) -> Any:
    make = xls().Value.make_sbits if field.signed else xls().Value.make_ubits
    if not field.shape:
        return make(field.bits, int(number))
    return xls().Value.make_array([make(field.bits, int(item)) for item in np.asarray(number).tolist()])


def _numbers(field: PayloadField, value: Any) -> Any:
    if field.shape:
        return [_number(field, value.get_element(index)) for index in range(field.count)]
    return _number(field, value)


def _number(field: PayloadField, value: Any) -> int:
    bits = value.get_bits()
    return int(bits.to_int64() if field.signed else bits.to_uint64())


def ports(kernel: Kernel) -> tuple[StreamPort, StreamPort]:
    """Give the streams of a wrapped kernel."""
    return StreamPort("i", kernel.inputs), StreamPort("o", kernel.outputs)


def slices(port: StreamPort, name: str) -> dict[str, str]:
    """Give where the fields of a payload lie in the Verilog word ``name``."""
    found, at = {}, 0
    for field in port.fields:
        width = field.bits * field.count
        found[field.name] = f"{name}[{at + width - 1}:{at}]"
        at += width
    return found


def wrapped(kernel: Kernel, body: str, top: str) -> str:
    """Put a pipeline behind streams; the sink is taken to be always ready."""
    i, o = ports(kernel)
    places = [f"    .{name}({part})," for name, part in slices(i, "i__payload").items()]
    parts, at = [], o.bits
    for field in kernel.outputs:  # XLS puts the first result at the high end
        width = field.bits * field.count
        parts.append(f"result[{at - 1}:{at - width}]")
        at -= width
    return body + "\n".join([
        f"module {top}(", "  input wire clk,", "  input wire rst,",
        f"  input wire [{i.bits - 1}:0] i__payload,", "  input wire i__valid,", "  output wire i__ready,",
        f"  output wire [{o.bits - 1}:0] o__payload,", "  output wire o__valid,", "  input wire o__ready", ");",
        f"  wire [{o.bits - 1}:0] result;", "  assign i__ready = 1'b1;",
        f"  assign o__payload = {{{', '.join(reversed(parts))}}};",
        f"  xls_{kernel.name} kernel (", "    .clk(clk),", "    .rst(rst),", *places,
        "    .i_valid(i__valid),", "    .o_valid(o__valid),", "    .out(result)", "  );", "endmodule", "",
    ])  # fmt: skip
