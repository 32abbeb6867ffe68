# SPDX-License-Identifier: BSD-2-Clause
"""The same kernels for HLS users.

A kernel is one typed integer function of a room's config (`kernel`), built of exact expressions (`expr`) and
loops of constant length (`block`). It is written as C++ for HLS compilers (`emit_cpp`, `emit_top`) and as DSLX for
the open XLS compiler (`emit_dslx`). It shares no code with the room's component or golden model, so that each of
them checks the others. `catalogue` lists the rooms that have one.
"""

if __name__ != "gatewright.hls_kernels":  # a second copy of every class would follow
    raise ImportError("import gatewright.hls_kernels, not hls_kernels: the repository root must not be an import root")
