# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the ternary core: geometry, weights, the memory image and the timing that follow from them."""

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from gatewright.hw.core.config import RoomConfig, choice, flag, integer
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, packets
from gatewright.hw.memory.weight_store.config import WeightStoreConfig
from gatewright.hw.ternary.ternary_matvec.config import TernaryMatvecConfig, WeightPacking
from gatewright.hw.ternary.ternary_matvec.timing import Gathering
from gatewright.hw.ternary.ternary_matvec.words import weight_beats
from gatewright.hw.ternary.tlmm.config import Storage
from gatewright.hw.ternary.tlmm.plan import Method

WORD_BYTES = 4  # of a sum and of a count
TRITS = "-0+"


def rows_of(matrix: Ints) -> tuple[str, ...]:
    """Write a matrix (outputs, inputs) of -1, 0, 1 as the parameter ``weights``."""
    letters = np.frombuffer(TRITS.encode(), np.uint8)[np.asarray(matrix, np.int64) + 1]
    return tuple(row.tobytes().decode() for row in letters)


def demo_rows() -> tuple[str, ...]:
    """Give the room's default weights."""
    return rows_of(np.random.default_rng(0).integers(-1, 1, (6, 12), endpoint=True))


class TernaryCoreConfig(RoomConfig):
    """Compute ``y = W @ x`` for a ternary ``W`` of ``out_features`` rows and ``in_features`` columns."""

    room: ClassVar[str] = "ternary_core"

    in_features: int = integer(12, 1, 65535, doc="Columns of the matrix: octets of an input.")
    out_features: int = integer(6, 1, 16383, doc="Rows of the matrix: sums of an output.")
    method: Method = choice("half", doc="The engine's method, see tlmm.")
    group: int = integer(3, 1, 32, doc="Activations of a group of the engine.")
    groups: int = integer(2, 1, 128, doc="Groups in a block of activations.")
    outputs_per_cycle: int = integer(4, 1, 128, doc="Outputs whose weights meet a block in one cycle.")
    storage: Storage = choice("distributed", doc="Where the engine's tables live.")
    overlap: bool = flag(False, doc="Build the next tables while one is read.")
    packing: WeightPacking = choice(
        "engine", doc="How weights are stored: in the engine's own codes, or packed (methods select and fold)."
    )
    lanes: int = integer(1, 1, 8, unit="octets", doc="Activations read per cycle; a power of two.")
    store: Literal["constant", "block", "spram"] = choice(
        "constant",
        doc="Where weights live: in initialised memory, or loaded into block RAM or one-port RAM by LOAD requests.",
    )
    weights: tuple[str, ...] = Field(
        default_factory=demo_rows, description="A string of -, 0, + per row; none if weights are loaded."
    )

    def check(self) -> None:
        """Check that octets fill words and blocks, and that the weights are there if they are needed."""
        lanes = self.lanes
        self.require(lanes & (lanes - 1) == 0, f"lanes must be a power of two, not {lanes}")
        self.require(self.in_features % lanes == 0, f"lanes must divide in_features = {self.in_features}, not {lanes}")
        assert self.matvec
        if self.loaded:
            return
        count = len(self.weights)
        self.require(count == self.out_features, f"weights must hold {self.out_features} rows, not {count}")
        for index, row in enumerate(self.weights):
            length = len(row)
            self.require(
                length == self.in_features, f"weights[{index}] must have {self.in_features} trits, not {length}"
            )
            wrong = row.strip(TRITS)
            self.require(not wrong, f"weights[{index}] must hold only -, 0 and +, not {wrong[:1]!r}")

    @property
    def loaded(self) -> bool:
        """Whether weights come by LOAD requests."""
        return self.store != "constant"

    @cached_property
    def matrix(self) -> Ints:
        """Constant weights, (out_features, in_features)."""
        letters = np.frombuffer("".join(self.weights).encode(), np.uint8)
        return ((letters == ord("+")).astype(np.int64) - (letters == ord("-"))).reshape(-1, self.in_features)

    @cached_property
    def matvec(self) -> TernaryMatvecConfig:
        """The unit around the engine."""
        return TernaryMatvecConfig(
            method=self.method, group=self.group, groups=self.groups, outputs_per_cycle=self.outputs_per_cycle,
            inputs_max=self.in_features, outputs_max=self.out_features, storage=self.storage, overlap=self.overlap,
            lanes=self.lanes, packing=self.packing,
        )  # fmt: skip

    @property
    def blocks(self) -> int:
        """Blocks of an input."""
        return self.matvec.blocks_max

    @property
    def sweep(self) -> int:
        """Words of weights for each block."""
        return -(-self.out_features // self.outputs_per_cycle)

    @property
    def words(self) -> int:
        """Words of weights in all."""
        return self.blocks * self.sweep

    @property
    def code(self) -> PayloadField:
        """Weights of a word."""
        return self.matvec.inputs[1].field("code")

    @cached_property
    def weight_store(self) -> WeightStoreConfig:
        """The memory of the weights; loaded words are filled up to whole activation words."""
        width = self.code.bits * self.code.count
        if not self.loaded:
            image = tuple(word_integers(weight_beats(self.matvec, self.matrix)["code"], self.code.bits))
            return WeightStoreConfig(depth=self.words, width=width, contents=image)
        beat = 8 * self.lanes
        return WeightStoreConfig(
            depth=self.words, width=width + -width % beat, source="loaded", load_bits=beat,
            memory="single_port" if self.store == "spram" else "block", contents=(),
        )  # fmt: skip

    @property
    def load_bytes(self) -> int:
        """Octets that fill the store."""
        return self.words * self.weight_store.width // 8 if self.loaded else 0

    @property
    def loads(self) -> int:
        """LOAD requests that fill it, each as long as an input."""
        return -(-self.load_bytes // self.in_features)

    @property
    def input_bytes(self) -> int:
        """Octets of an input."""
        return self.in_features

    @property
    def output_bytes(self) -> int:
        """Octets of an output: each sum in 32 bits."""
        return WORD_BYTES * self.out_features

    @property
    def macs(self) -> int:
        """Weights that meet an activation in a run, padding left out."""
        return self.in_features * self.out_features

    @property
    def macs_per_cycle(self) -> int:
        """Most weights that meet an activation in a cycle."""
        return self.matvec.block * self.outputs_per_cycle

    @cached_property
    def run_cycles(self) -> int:
        """Cycles of a run, from the last input octet to the last sum stored.

        The first activations reach the unit in the run's second cycle, the first weights after the
        store's latency.
        """
        unit = self.matvec
        arrive = Gathering([self.in_features // self.lanes], unit.block // self.lanes) if unit.gathers else None
        waits = self.weight_store.latency - 1 + int(unit.packed is not None)
        plan = unit.engine.plan([self.sweep] * self.blocks, arrive, waits)
        return plan.ends[-1] + unit.engine.stages + 3

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Input octets, or weights."""
        fields = [PayloadField("data", 8, True), PayloadField("last", 1), PayloadField("good", 1)]
        doc = "One input per packet, feature 0 first; it runs if `good` comes with `last`, else it is forgotten."
        if self.loaded:
            fields.append(PayloadField("load", 1))
            doc += " With `load`: weights."
        return (StreamPort("i", tuple(fields), doc),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Output octets."""
        fields = (PayloadField("data", 8, True), PayloadField("last", 1))
        doc = "Sums, 4 octets each, low first, then the run's cycles, 4 octets."
        return (StreamPort("o", fields, doc),)

    @property
    def latency(self) -> int:
        """From the first input octet to the first output octet."""
        return self.in_features + self.run_cycles + 2

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """Wait for the first packet that is answered."""
        spans = self._spans(inputs)
        return spans[0][0] if spans else -1

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Add input, run and reply up: they take turns."""
        spans = self._spans(inputs)
        return spans[-1][1] if spans else 0

    def _spans(self, inputs: Mapping[str, Beats]) -> list[tuple[int, int]]:
        """Give start and end of each reply."""
        now, found, missing = 0, [], self.loads
        for span in packets(inputs["i"]):
            now += span.stop - span.start
            if not inputs["i"]["good"][span.stop - 1]:
                continue
            start = now
            if self.loaded and inputs["i"]["load"][span.stop - 1]:
                missing = (missing or self.loads) - 1
                start = now + self.in_features // self.lanes + 1
                now = start + WORD_BYTES
            elif missing:
                now = start + WORD_BYTES
            else:
                start = now + self.run_cycles + 2  # a sum is read and picked
                now = start - 2 + (2 + WORD_BYTES) * self.out_features + WORD_BYTES
            found.append((start, now))
        return found


def word_integers(codes: Ints, bits: int) -> list[int]:
    """Join the codes of each word, the first in the lowest bits."""
    flat = codes.reshape(len(codes), -1)
    spread = (flat[:, :, np.newaxis] >> np.arange(bits) & 1).astype(np.uint8).reshape(len(codes), -1)
    return [int.from_bytes(row.tobytes(), "little") for row in np.packbits(spread, axis=1, bitorder="little")]
