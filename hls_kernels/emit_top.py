# SPDX-License-Identifier: BSD-2-Clause
"""What surrounds a kernel's C++: a streaming top, a testbench that reads vectors, a script for a vendor's tool."""

import numpy as np

from gatewright.hls_kernels.emit_cpp import type_name
from gatewright.hls_kernels.expr import Int
from gatewright.hls_kernels.kernel import Kernel
from gatewright.hw.core.ports import Beats, PayloadField

PART = "xck26-sfvc784-2LV-c"  # the KV260's; any other will do


def top_header(kernel: Kernel) -> str:
    """Declare the beats and the streaming function."""
    name = kernel.name
    guard = f"GATEWRIGHT_{name.upper()}_TOP_HPP"
    return "\n".join([
        f"#ifndef {guard}", f"#define {guard}", "", '#include "ap_int.h"', '#include "hls_stream.h"', "",
        *_struct(f"{name}_in", kernel.inputs), "", *_struct(f"{name}_out", kernel.outputs), "",
        f"void {name}_top(hls::stream<{name}_in> &i, hls::stream<{name}_out> &o);", "", "#endif", "",
    ])  # fmt: skip


def top_source(kernel: Kernel) -> str:
    """Write the streaming function: a frame in, a frame out."""
    name = kernel.name
    arguments = ", ".join(f"{side}.{field.name}" for side, fields in (("x", kernel.inputs), ("y", kernel.outputs))
                          for field in fields)  # fmt: skip
    return "\n".join([
        f'#include "{name}_top.hpp"', "", f'#include "{name}.hpp"', "", f"// {kernel.summary}",
        f"void {name}_top(hls::stream<{name}_in> &i, hls::stream<{name}_out> &o) {{",
        "#pragma HLS INTERFACE axis port=i", "#pragma HLS INTERFACE axis port=o",
        "#pragma HLS INTERFACE ap_ctrl_none port=return", "#pragma HLS PIPELINE II=1",
        f"    const {name}_in x = i.read();", f"    {name}_out y;", f"    {name}({arguments});", "    o.write(y);", "}",
        "",
    ])  # fmt: skip


def testbench(kernel: Kernel) -> str:
    """Write a ``main`` that plays ``vectors.dat`` and counts frames that differ."""
    name = kernel.name
    lines = [
        "// Plays the frames of a file (vectors.dat) and compares. Exit status 0 only if all of some frames are equal.",
        "#include <cstdio>", "", f'#include "{name}_top.hpp"', "",
        "static bool next(std::FILE *file, long long &value) { return std::fscanf(file, \"%lld\", &value) == 1; }", "",
        "int main(int argc, char **argv) {",
        '    const char *path = argc > 1 ? argv[1] : "vectors.dat";', '    std::FILE *file = std::fopen(path, "r");',
        "    if (!file) {", '        std::fprintf(stderr, "%s can\'t be read\\n", path);', "        return 2;", "    }",
        "    long frames = 0, wrong = 0;", "    long long value = 0;", "    while (next(file, value)) {",
        f"        {name}_in x;", "        bool whole = true;",
    ]  # fmt: skip
    read = "whole = whole && next(file, value);"
    for field in kernel.inputs:
        first = field is kernel.inputs[0]
        lines += _each(field, ["x.{place} = value;"] if first else [read, "x.{place} = value;"], first)
    lines += [
        f'        hls::stream<{name}_in> i("i");', f'        hls::stream<{name}_out> o("o");', "        i.write(x);",
        f"        {name}_top(i, o);", f"        const {name}_out y = o.read();", "        bool equal = true;",
    ]  # fmt: skip
    for field in kernel.outputs:
        kind = type_name(Int(field.bits, field.signed))
        lines += _each(field, [read, f"equal = equal && y.{{place}} == {kind}(value);"])
    lines += [
        "        if (!whole) {", '            std::fprintf(stderr, "%s ends in the middle of a frame\\n", path);',
        "            return 2;", "        }", "        ++frames;", "        wrong += !equal;",
        '        if (!equal && wrong <= 5) std::printf("frame %ld differs\\n", frames - 1);', "    }",
        "    std::fclose(file);",
        f'    std::printf("{name}: %ld of %ld frames equal\\n", frames - wrong, frames);',
        "    return frames > 0 && wrong == 0 ? 0 : 1;", "}", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _each(field: PayloadField, statements: list[str], first: bool = False) -> list[str]:
    """Write statements for every element; the frame's very first number is read already."""
    if not field.shape:
        return [f"        {line.replace('{place}', field.name)}" for line in statements]
    inner = ["if (n) whole = whole && next(file, value);"] if first else []
    body = [f"            {line.replace('{place}', f'{field.name}[n]')}" for line in [*inner, *statements]]
    return [f"        for (int n = 0; n < {field.count}; ++n) {{", *body, "        }"]


def _struct(name: str, fields: tuple[PayloadField, ...]) -> list[str]:
    members = []
    for field in fields:
        length = f"[{field.count}]" if field.shape else ""
        members.append(f"    {type_name(Int(field.bits, field.signed))} {field.name}{length};")
    return [f"struct {name} {{", *members, "};"]


def vectors(kernel: Kernel, inputs: Beats, outputs: Beats) -> str:
    """Write frames, one a line: the inputs' elements, then the outputs'."""
    sides = ((inputs, kernel.inputs), (outputs, kernel.outputs))
    columns = [np.asarray(side[field.name]).reshape(-1, field.count) for side, fields in sides for field in fields]
    return "".join(" ".join(map(str, row)) + "\n" for row in np.concatenate(columns, axis=1).tolist())


def script(kernel: Kernel) -> str:
    """Write a script for Vitis HLS: C simulation, synthesis, co-simulation. It is emitted; we have no such tool."""
    name = kernel.name
    return "\n".join([
        "# Vitis HLS: vitis_hls -f run_hls.tcl. Emitted, not run: no such tool was at hand.",
        f"open_project -reset {name}_hls", f"set_top {name}_top",
        f"add_files {name}_top.cpp", f"add_files -tb {name}_tb.cpp", "add_files -tb vectors.dat",
        "open_solution -reset solution -flow_target vivado", f"set_part {{{PART}}}",
        "create_clock -period 4 -name default",
        "csim_design", "csynth_design", "cosim_design", "export_design -format ip_catalog", "exit", "",
    ])  # fmt: skip
