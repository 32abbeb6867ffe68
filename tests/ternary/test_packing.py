# SPDX-License-Identifier: BSD-2-Clause
"""Packings of trits against their published definitions, read one weight at a time, and against the gguf package."""

from fractions import Fraction
from itertools import product
from math import ceil

import numpy as np
import pytest

from gatewright.hw.core.errors import ConfigError, ModelError
from gatewright.hw.ternary.packing import GROUP_PACKINGS, PACKINGS, decode, encode, find_group_packing, find_packing


def some_trits(packing, rng, blocks=6):
    """Rows of trits that suit the packing."""
    shape = (3, blocks * packing.block) if packing.axis == -1 else (blocks * packing.block, 5)
    return rng.integers(-1, 2, shape).astype(np.int8)


@pytest.mark.parametrize("packing", PACKINGS.values(), ids=lambda packing: packing.name)
def test_decode_undoes_encode(packing):
    trits = some_trits(packing, np.random.default_rng(1))
    words = packing.encode(trits)
    assert words.dtype == np.uint8
    assert not packing.undefined(words).any()
    back = packing.decode(words)
    assert back.dtype == np.int8
    np.testing.assert_array_equal(back, trits)


@pytest.mark.parametrize("packing", PACKINGS.values(), ids=lambda packing: packing.name)
def test_size_is_what_the_packing_says(packing):
    trits = some_trits(packing, np.random.default_rng(2))
    words = packing.encode(trits)
    assert words.size * packing.block == trits.size * packing.words
    if packing.name not in GROUP_PACKINGS:
        assert 8 * words.size == packing.bits_per_weight * trits.size


@pytest.mark.parametrize("packing", PACKINGS.values(), ids=lambda packing: packing.name)
def test_padding_decodes_to_zero_weights(packing):
    assert packing.padding.shape == (packing.words,)
    assert not packing.decode(packing.padding).any()
    short = np.ones((packing.block + 1, packing.block + 1), np.int8)
    padded = packing.pad(short)
    assert padded.shape[packing.axis] == -(-(packing.block + 1) // packing.block) * packing.block
    assert padded.sum() == short.sum()
    packing.encode(padded)


def test_padding_codes_are_the_published_ones():
    codes = {name: packing.padding_code for name, packing in GROUP_PACKINGS.items()}
    assert codes == {
        "two_bit": 1, "two_bit_signed": 0, "base3_g2": 4, "base3_g3": 13, "base3_g4": 40, "base3_g5": 121, "tl1": 4,
        "tl2": 0, "tq1_g5": 128, "escape_g3": 0, "escape_g5": 0,
    }  # fmt: skip


@pytest.mark.parametrize("packing", GROUP_PACKINGS.values(), ids=lambda packing: packing.name)
def test_every_code_is_a_group_or_refused(packing):
    defined = [code for code in range(1 << packing.code_bits) if code not in packing.undefined_codes]
    assert len(defined) == 3**packing.group
    groups = {tuple(packing.decode(np.array([code])).tolist()) for code in defined}
    assert groups == set(product((-1, 0, 1), repeat=packing.group))
    for code in (*packing.undefined_codes, *range(1 << packing.code_bits, 256)):
        with pytest.raises(ModelError, match=rf"^{packing.name}: word {code} at \(1,\) stands for no weights; 1 of 2 "):
            packing.decode(np.array([defined[0], code]))


PUBLISHED = {
    "two_bit": lambda a: a + 1,
    "two_bit_signed": lambda a: a % 4,
    "base3_g2": lambda a, b: 3 * (a + 1) + (b + 1),
    "base3_g3": lambda a, b, c: 9 * (a + 1) + 3 * (b + 1) + (c + 1),
    "base3_g4": lambda a, b, c, d: 27 * (a + 1) + 9 * (b + 1) + 3 * (c + 1) + (d + 1),
    "base3_g5": lambda a, b, c, d, e: 81 * (a + 1) + 27 * (b + 1) + 9 * (c + 1) + 3 * (d + 1) + (e + 1),
    "tl1": lambda a, b: 3 * a + b + 4,
    "tl2": lambda a, b, c: abs(9 * a + 3 * b + c) + 16 * (9 * a + 3 * b + c < 0),
    "tq1_g5": lambda *trits: ceil(256 * sum(Fraction(t + 1, 3 ** (k + 1)) for k, t in enumerate(trits))),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_codes_follow_the_published_formula(name):
    for group in product((-1, 0, 1), repeat=find_group_packing(name).group):
        assert encode(name, np.array(group)).tolist() == [PUBLISHED[name](*group)]


def test_tl2_magnitudes_select_the_kernel_table_entries():
    table = ["0", "z", "y-z", "y", "y+z", "x-y-z", "x-y", "x-y+z", "x-z", "x", "x+z", "x+y-z", "x+y", "x+y+z"]
    x, y, z = 100, 10, 1
    for code in range(14):
        group = decode("tl2", np.array([code])).tolist()
        assert int(np.dot(group, (x, y, z))) == eval(table[code])
        if code:
            assert decode("tl2", np.array([code + 16])).tolist() == [-trit for trit in group]


def test_packed_bits_follow_each_other_lowest_first():
    packing = find_group_packing("base3_g3")
    codes = np.array([[1, 2, 26, 13, 7], [0, 26, 26, 1, 0]], np.uint8)
    packed = packing.pack_bits(codes)
    for row, line in zip(codes.tolist(), packed, strict=True):
        word = sum(code << 5 * k for k, code in enumerate(row))
        assert int.from_bytes(line.tobytes(), "little") == word
    np.testing.assert_array_equal(packing.unpack_bits(packed, 5), codes)


@pytest.mark.parametrize(("name", "block"), [("i2_s", 128), ("i2_s_arm", 64)])
def test_i2_s_puts_the_first_quarter_of_a_block_in_the_top_bits(name, block):
    quarter = block // 4
    trits = np.random.default_rng(3).integers(-1, 2, 3 * block)
    words = encode(name, trits).tolist()
    for index, trit in enumerate(trits.tolist()):
        start, place = divmod(index, block)
        byte = words[start * quarter + place % quarter]
        assert byte >> 6 - 2 * (place // quarter) & 3 == trit + 1


def test_hugging_face_rows_lie_a_quarter_of_the_matrix_apart():
    # The worked example in transformers' integrations/bitnet.py.
    packed = np.array([[0b10100001, 0b00011000], [0b10010000, 0b00001010]], np.uint8)
    rows = [[0, -1], [-1, 1], [-1, 1], [-1, 1], [1, 0], [0, -1], [1, -1], [1, -1]]
    assert decode("hf_bitnet", packed).tolist() == rows
    np.testing.assert_array_equal(encode("hf_bitnet", np.array(rows)), packed)


def tq1_place(index):
    """Byte and digit of a weight of a TQ1_0 block: 32 bytes of five, 16 of five, 4 of four."""
    for first, start, stride in ((0, 0, 32), (160, 32, 16), (240, 48, 4)):
        if index < first + stride * (4 if stride == 4 else 5):
            return start + (index - first) % stride, (index - first) // stride
    raise AssertionError


def test_tq1_0_block_read_as_ggml_reads_it():
    trits = np.random.default_rng(4).integers(-1, 2, 512)
    words = encode("tq1_0", trits).reshape(2, 54)
    for index, trit in enumerate(trits.tolist()):
        byte, digit = tq1_place(index % 256)
        shifted = int(words[index // 256, byte]) * 3**digit & 255
        assert (shifted * 3 >> 8) - 1 == trit
    assert words[:, 52:].tolist() == [[0x00, 0x3C]] * 2  # fp16 1.0


@pytest.mark.parametrize("name", ["tq1_0", "tq2_0"])
def test_gguf_package_writes_and_reads_the_same_blocks(name):
    quants = pytest.importorskip("gguf.quants", reason="gguf is not installed")
    kind = getattr(pytest.importorskip("gguf.constants").GGMLQuantizationType, name.upper())
    rng, packing = np.random.default_rng(5), find_packing(name)
    trits = rng.integers(-1, 2, (4, 1024)).astype(np.int8)
    trits[:, ::256] = 1  # an all-zero block would get the scale 0
    scales = rng.uniform(0.01, 4, (4, 4)).astype(np.float16)
    weights = trits * np.repeat(scales.astype(np.float32), 256, axis=-1)
    theirs = quants.quantize(weights, kind)
    ours = packing.with_scales(packing.encode(trits), scales)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(packing.decode(theirs), trits)
    np.testing.assert_array_equal(packing.scales(theirs), scales)
    np.testing.assert_array_equal(quants.dequantize(ours, kind), weights)


@pytest.mark.parametrize(
    ("name", "position", "word"),
    [("i2_s", 7, 0b00110101), ("tq2_0", 3, 0b11010101), ("tq1_0", 3, 1), ("tq1_0", 51, 255), ("hf_bitnet", 0, 0xC0)],
)
def test_an_undefined_byte_of_a_block_is_refused(name, position, word):
    packing = find_packing(name)
    words = np.concatenate([packing.padding, packing.padding]).astype(np.int64)
    words[position] = word
    assert np.flatnonzero(packing.undefined(words)).tolist() == [position]
    with pytest.raises(ModelError, match=rf"^{name}: word {word} at \({position},\) stands for no weights"):
        packing.decode(words)


def test_any_scale_is_defined():
    packing = find_packing("tq2_0")
    words = packing.with_scales(packing.padding, np.float16(-3.5))  # bytes 00 C3, the pair 3 in the upper one
    assert not packing.decode(words).any()
    assert packing.scales(words).tolist() == [-3.5]


REFUSED = [
    ("base3_g3", "encode", [0, 1], "base3_g3: weights along axis -1 must be a multiple of 3, not 2"),
    ("two_bit", "encode", [0, 2], "two_bit: weights must be -1, 0 or 1, not 2"),
    ("two_bit", "encode", [0.5], "two_bit: weights must be -1, 0 or 1, not 0.5"),
    ("i2_s", "decode", [0] * 31, "i2_s: words along axis -1 must be a multiple of 32, not 31"),
    ("base3_g5", "decode", [256], "base3_g5: words must lie in 0..255, not 256"),
    ("base3_g5", "decode", [-1], "base3_g5: words must lie in 0..255, not -1"),
    ("base3_g5", "decode", [1.0], "base3_g5: words must be integers, not float64"),
    ("two_bit", "decode", 1, "two_bit: words along axis -1 must be a multiple of 1, not 0"),
    ("hf_bitnet", "encode", [[0]] * 6, "hf_bitnet: weights along axis 0 must be a multiple of 4, not 6"),
]


@pytest.mark.parametrize(("name", "verb", "values", "line"), REFUSED, ids=lambda value: str(value)[:30])
def test_wrong_data_is_refused_with_rule_and_value(name, verb, values, line):
    with pytest.raises(ModelError) as caught:
        getattr(find_packing(name), verb)(np.array(values))
    assert str(caught.value) == line


@pytest.mark.parametrize("find", [find_packing, find_group_packing])
def test_an_unknown_name_is_refused(find):
    with pytest.raises(ConfigError, match=r"^packing must be one of two_bit, .*, not 'base4'$"):
        find("base4")
