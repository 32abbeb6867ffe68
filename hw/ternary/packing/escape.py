# SPDX-License-Identifier: BSD-2-Clause
"""Codes as short as base 3 whose decoders are a few LUTs: fields that hold a trit or an escape.

A trit in two's complement takes two bits, (sign, nonzero), and leaves the pattern ``10`` unused.
That pattern in a field is the escape: *which* fields hold it replaces the trits that lost their
place. Densely packed decimal works alike. No division by 3 is left to undo, so a decoder takes four
to five 4-input LUTs a trit, flag included, where base 3 takes five to ten.
"""

ESCAPE = 2


def escape_g3(group: tuple[int, ...]) -> int:
    """Pack three trits into fields f0 (bits 1:0) and f1 (bits 3:2) and the bit c (bit 4).

    ====== ====== ====================
    f0     f1     trits
    ====== ====== ====================
    a      b      a, b, c
    escape b      c, b, -1
    a      escape -1, a, -1 with c = 0
    ====== ====== ====================
    """
    first, second, third = group
    if third >= 0:
        return _join((first, second), third)
    if first >= 0:
        return _join((None, second), first)
    return _join((second, None), 0)


def escape_g5(group: tuple[int, ...]) -> int:
    """Pack five trits into fields f0, f1, f2 (bits 5:0) and the pair of bits c1, c0 (bits 7:6).

    Without an escape the trits are f0, f1, f2, c1, c0. An escape says that one of the last two
    trits is -1; two escapes say that both are.

    ====== ====== ====== ======= ==================================
    f0     f1     f2     c       trits
    ====== ====== ====== ======= ==================================
    a      b      d      c1, c0  a, b, d, c1, c0
    escape b      d      c1, c0  0, b, d, then (-1, c0) or (c0, -1)
    a      escape d      c1, c0  1, a, d, likewise
    a      b      escape c1, c0  -1, b, a, likewise
    a      escape escape a trit  -1, a, c, -1, -1
    escape b      escape a trit  1, b, c, -1, -1
    escape escape d      a trit  0, c, d, -1, -1
    ====== ====== ====== ======= ==================================

    With one escape c1 = 0 makes the fourth trit -1 and c1 = 1 the fifth; c0 is the other one,
    and both being -1 takes two escapes.
    """
    first, second, third, *tail = group
    if min(tail) >= 0:
        return _join((first, second, third), 2 * tail[0] + tail[1])
    if max(tail) >= 0:
        fields = {0: (None, second, third), 1: (second, None, third), -1: (third, second, None)}[first]
        return _join(fields, tail[1] if tail[0] < 0 else 2 + tail[0])
    fields, pair = {
        -1: ((second, None, None), third), 1: ((None, second, None), third), 0: ((None, None, third), second),
    }[first]  # fmt: skip
    return _join(fields, pair & 3)


def _join(fields: tuple[int | None, ...], top: int) -> int:
    code = top
    for field in reversed(fields):
        code = code << 2 | (ESCAPE if field is None else field & 3)
    return code
