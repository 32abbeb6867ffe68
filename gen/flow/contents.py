# SPDX-License-Identifier: BSD-2-Clause
"""Hand Yosys the first contents of big memories in files.

Its Verilog reader takes time that grows faster than the square of the number of assignments in an
``initial`` block: minutes for 2,000 words of 900 bits, which `$readmemh` reads in a tenth of a second.
"""

import re
from pathlib import Path

_WORD = r"[ \t]*(?P<name>\w+)\[\d+\] = \d+'h[0-9a-f]+;\n"
_MORE = _WORD.replace("?P<name>\\w+", "?P=name")
_BLOCK = re.compile(rf"^[ \t]*initial begin\n(?P<words>{_WORD}(?:{_MORE})*)[ \t]*end\n", re.MULTILINE)
_ENTRY = re.compile(r"\[(\d+)\] = \d+'h([0-9a-f]+);")
FEWEST = 64  # words that are worth a file


def write_source(text: str, to: Path) -> None:
    """Write Verilog to ``to``, contents of big memories to files beside it: ``<stem>_<place in the text>.hex``."""

    def outline(block: re.Match[str]) -> str:
        entries = _ENTRY.findall(block["words"])
        # An address before a word would bring the slowness back.
        if len(entries) < FEWEST or any(int(address) != index for index, (address, _) in enumerate(entries)):
            return block[0]
        file = to.with_name(f"{to.stem}_{block.start()}.hex")
        file.write_text("".join(f"{word}\n" for _, word in entries))
        return f'  initial $readmemh("{file.name}", {block["name"]});\n'

    to.write_text(_BLOCK.sub(outline, text))
