# SPDX-License-Identifier: BSD-2-Clause
"""Errors of the published approximations, from their integer models."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from gatewright.gen.bench.accuracy import Accuracy, RowAccuracy, compare, compare_rows, softmax
from gatewright.gen.bench.published import edge_moe, hls4ml, ibert, ita, softermax
from gatewright.gen.bench.reference import gelu
from gatewright.hw.core.numerics import Ints


def edge_moe_gelu() -> Accuracy:
    """65,536 codes of -8..8."""
    codes = np.arange(-8 << 22, 8 << 22, 1 << 10)
    lsb = 2.0**-22
    return compare(
        edge_moe.gelu(codes) * lsb, gelu(codes * lsb), lsb, "65,536 of -8..8", table_bits=edge_moe.TABLE_BITS
    )


def int8_gelu(rounding: ibert.Round, reach: float = 8.0) -> Accuracy:
    """All codes of -reach..reach, in the input's unit; the result is finer, before its requantisation."""
    codes, unit = np.arange(-128, 128), reach / 128
    got = ibert.gelu(codes, unit, rounding).real
    return compare(got, gelu(codes * unit), unit, f"256 codes of -{reach:g}..{reach:g}")


def table_gelu() -> Accuracy:
    """All codes of a table of 8 bits, 4 of them fraction, rounded to nearest by construction."""
    codes, unit = np.arange(-128, 128), 1 / 16
    true = gelu(codes * unit)
    return compare(np.round(true / unit) * unit, true, unit, "256 codes of -8..8", table_bits=256 * 8)


def exp_of_ibert() -> Accuracy:
    """All codes of -16..0 with 12 fraction bits, each result in units of 2**-16."""
    codes, unit = np.arange(-(16 << 12), 1), 2.0**-12
    return compare(ibert.exp(codes, unit).real, np.exp(codes * unit), 2.0**-16, "65,537 of -16..0")


def _rounded(codes: Ints) -> Ints:
    return np.clip(np.round(softmax(codes / 8) * 256), 0, 255).astype(np.int64)


def _ibert_softmax(codes: Ints) -> Ints:
    return ibert.softmax(codes, 2.0**-10)


MODELS: Mapping[str, Callable[[], Accuracy | RowAccuracy]] = {
    "edge_moe_gelu": edge_moe_gelu,
    "ibert_gelu": partial(int8_gelu, "down"),
    "ita_gelu": partial(int8_gelu, "nearest"),
    "mase_gelu": table_gelu,
    "ibert_exp": exp_of_ibert,
    "ita_softmax": partial(compare_rows, ita.softmax, ita.unit(), 2.0**-8),
    "softermax": partial(compare_rows, softermax.softmax, softermax.UNIT, 2.0**-softermax.RESULT),
    "ibert_softmax": partial(compare_rows, _ibert_softmax, 2.0**-10, 2.0**-8, 16),
    "hls4ml_softmax": partial(compare_rows, hls4ml.softmax, 2.0**-hls4ml.FRACTION, 2.0**-hls4ml.FRACTION, 16),
    "rounded_softmax": partial(compare_rows, _rounded, 1 / 8, 2.0**-8),
}
