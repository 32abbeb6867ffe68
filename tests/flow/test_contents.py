# SPDX-License-Identifier: BSD-2-Clause
"""Contents of big memories move to files; everything else stays as it is."""

from pathlib import Path

from gatewright.gen.flow.contents import FEWEST, write_source


def memory(words: list[int]) -> str:
    lines = "".join(f"    table[{index}] = 8'h{word:02x};\n" for index, word in enumerate(words))
    return f"  reg [7:0] table [255:0];\n  initial begin\n{lines}  end\n"


def test_big_contents_move_to_a_file_in_order(tmp_path: Path) -> None:
    words = [7 * index % 256 for index in range(FEWEST)]
    write_source(f"module t;\n{memory(words)}endmodule\n", tmp_path / "t.v")
    (file,) = tmp_path.glob("*.hex")
    assert [int(line, 16) for line in file.read_text().split()] == words
    wanted = f'module t;\n  reg [7:0] table [255:0];\n  initial $readmemh("{file.name}", table);\nendmodule\n'
    assert (tmp_path / "t.v").read_text() == wanted


def test_small_contents_and_those_out_of_order_stay(tmp_path: Path) -> None:
    for text in (memory([1] * (FEWEST - 1)), memory([1] * FEWEST).replace("table[3]", "table[200]")):
        write_source(text, tmp_path / "t.v")
        assert (tmp_path / "t.v").read_text() == text
    assert not list(tmp_path.glob("*.hex"))
