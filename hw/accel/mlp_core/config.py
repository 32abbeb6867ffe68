# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the MLP core: geometry, layers, and the memory images that follow from them."""

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from gatewright.hw.core.config import RoomConfig, choice, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, packets
from gatewright.hw.mac.gemm.config import GemmConfig

CYCLES_BYTES = 4


class LayerConfig(BaseModel):
    """One dense layer in integers: ``y = clamp(round_half_even(acc * multiplier / 2**shift) + zero_point)``.

    Attributes
    ----------
    inputs, outputs : int
        Features on both sides.
    weights : tuple of int
        Signed 8 bits, ``outputs * inputs`` of them, output-major.
    bias, multiplier, shift : tuple of int
        One per output: signed accumulator units; unsigned 16 bits; right shift in bits.
    zero_point : int
        Code of the real number 0 in the output, signed 8 bits.
    relu : bool
        Clamp at the zero point instead of -128.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: StrictInt = Field(ge=1, le=4096)
    outputs: StrictInt = Field(ge=1, le=4096)
    weights: tuple[StrictInt, ...]
    bias: tuple[StrictInt, ...]
    multiplier: tuple[StrictInt, ...]
    shift: tuple[StrictInt, ...]
    zero_point: StrictInt = Field(0, ge=-128, le=127)
    relu: bool = False

    @property
    def matrix(self) -> np.ndarray:
        """Weights as ``(inputs, outputs) int64``: the B operand of the layer's GEMM."""
        return np.array(self.weights, np.int64).reshape(self.outputs, self.inputs).T


def demo_layers() -> tuple[LayerConfig, ...]:
    """Give two small layers with every sign and size in them; the room's default."""
    sizes = ((6, 5), (5, 3))
    layers = []
    for index, (inputs, outputs) in enumerate(sizes):
        count = inputs * outputs
        weights = tuple((37 * (n + 3 * index) + 11) % 255 - 127 for n in range(count))
        layers.append(
            LayerConfig(
                inputs=inputs, outputs=outputs, weights=weights,
                bias=tuple((91 * n + 7) % 2001 - 1000 for n in range(outputs)),
                multiplier=tuple(32768 + (7919 * n) % 32768 for n in range(outputs)),
                shift=tuple(22 + n % 2 for n in range(outputs)),
                zero_point=0, relu=index == 0,
            )
        )  # fmt: skip
    return tuple(layers)


class MlpCoreConfig(RoomConfig):
    """Run ``layers`` one after the other on one engine."""

    room: ClassVar[str] = "mlp_core"

    cols: int = integer(8, 1, 64, unit="MACs", doc="Output features computed side by side.")
    depth: int = integer(1, 1, 64, unit="MACs", doc="Input features taken per cycle; a power of two.")
    multiplier: Literal["plain", "booth", "dsp"] = choice("plain", doc="How the array's products are built.")
    engine: Literal["parallel", "serial"] = choice("parallel", doc="How the requantiser multiplies.")
    layers: tuple[LayerConfig, ...] = Field(default_factory=demo_layers, description="The network's layers.")

    def check(self) -> None:
        """Check that neighbouring layers meet and that every list has its length."""
        self.require(self.depth & (self.depth - 1) == 0, f"depth must be a power of two, not {self.depth}")
        self.require(len(self.layers) > 0, "layers must not be empty")
        width = self.layers[0].inputs
        for index, layer in enumerate(self.layers):
            name = f"layers[{index}]"
            self.require(layer.inputs == width, f"{name}.inputs must be {width}, not {layer.inputs}")
            width = layer.outputs
            sizes = {"weights": layer.inputs * layer.outputs}
            sizes |= dict.fromkeys(("bias", "multiplier", "shift"), layer.outputs)
            limits = {"weights": (-128, 127), "multiplier": (0, 65535), "shift": (0, 47)}
            for field, size in sizes.items():
                values = getattr(layer, field)
                self.require(len(values) == size, f"{name}.{field} must hold {size} numbers, not {len(values)}")
                low, high = limits.get(field, (-(1 << 31), (1 << 31) - 1))
                worst = next((value for value in values if not low <= value <= high), None)
                self.require(worst is None, f"{name}.{field} must lie in {low}..{high}, not {worst}")

    @property
    def input_bytes(self) -> int:
        """Features of one input."""
        return self.layers[0].inputs

    @property
    def loads(self) -> int:
        """None: weights come with the bitstream."""
        return 0

    @property
    def output_bytes(self) -> int:
        """Features of one output."""
        return self.layers[-1].outputs

    @cached_property
    def acc_bits(self) -> int:
        """Width that holds every partial sum of every layer, bias included."""
        worst = 1
        for layer in self.layers:
            reach = np.abs(layer.matrix).sum(axis=0) * 128 + np.abs(np.array(layer.bias))
            worst = max(worst, int(reach.max()))
        return max(8, worst.bit_length() + 1)

    @property
    def shift_min(self) -> int:
        """Smallest right shift of any channel."""
        return min(min(layer.shift) for layer in self.layers)

    @property
    def shift_bits(self) -> int:
        """Width of a channel's shift, counted from the smallest."""
        return (max(max(layer.shift) for layer in self.layers) - self.shift_min).bit_length()

    @property
    def affine(self) -> bool:
        """Whether any layer has a zero point other than 0."""
        return any(layer.zero_point for layer in self.layers)

    @property
    def code_bits(self) -> int:
        """Width of a requantised value before the zero point is added.

        Two bits beyond the output's 8: saturation there stays saturation after any zero point.
        """
        return 10 if self.affine else 8

    @property
    def bank_words(self) -> int:
        """Words of ``depth`` bytes in one bank of the activation store; a power of two."""
        widest = max([self.input_bytes, *(self.tiles(layer) * self.cols for layer in self.layers)])
        return 1 << (-(-widest // self.depth) - 1).bit_length() if widest > self.depth else 1

    def words(self, layer: LayerConfig) -> int:
        """Beats of one dot product of a layer."""
        return -(-layer.inputs // self.depth)

    def tiles(self, layer: LayerConfig) -> int:
        """Column tiles of a layer."""
        return -(-layer.outputs // self.cols)

    @cached_property
    def gemm(self) -> GemmConfig:
        """The engine that serves every layer: one row, operands straight from the memories."""
        bias_bits = max(abs(value).bit_length() + 1 for layer in self.layers for value in layer.bias)
        shape = {
            "dataflow": "broadcast" if self.depth == 1 else "tree",
            "rows": 1, "cols": self.cols, "depth": self.depth, "lanes": 1, "m_max": 1,
            "n_max": max(layer.outputs for layer in self.layers),
            "k_max": max(layer.inputs for layer in self.layers),
            "multiplier": self.multiplier, "operand_buffers": False, "bias_bits": bias_bits,
        }  # fmt: skip
        scale = {
            "multiplier_bits": 16, "shift_min": self.shift_min, "shift_bits": self.shift_bits,
            "out_bits": self.code_bits, "engine": self.engine, "scope": "channel",
        }  # fmt: skip
        widest = GemmConfig(**shape, acc_bits=48, requantise=scale)
        acc_bits = max(8, widest.sum_bits)
        return GemmConfig(**shape, acc_bits=acc_bits, requantise=scale)

    @cached_property
    def weight_words(self) -> tuple[int, ...]:
        """Image of the weight memory: the engine's B beats of all layers, one after the other."""
        port = self.gemm.inputs[2].field("b")
        mask = (1 << port.bits) - 1
        words = []
        for layer in self.layers:
            matrix = np.pad(layer.matrix, [(0, -layer.inputs % self.depth), (0, -layer.outputs % self.cols)])
            beats = matrix.reshape(self.words(layer), self.depth, self.tiles(layer), self.cols)
            for beat in beats.transpose(2, 0, 1, 3).reshape(-1, self.depth * self.cols).tolist():
                words.append(sum((value & mask) << (port.bits * place) for place, value in enumerate(beat)))
        return tuple(words)

    @cached_property
    def param_words(self) -> tuple[int, ...]:
        """Image of the parameter memory: bias, multiplier and shift of every column, padding included."""
        fields = [(field.name, field.bits) for field in self.gemm.inputs[3].fields]
        words = []
        for layer in self.layers:
            for column in range(self.tiles(layer) * self.cols):
                word = offset = 0
                for name, bits in fields:
                    values = getattr(layer, name)
                    value = values[column] if column < layer.outputs else 0
                    value -= self.shift_min if name == "shift" and column < layer.outputs else 0
                    word |= (value & ((1 << bits) - 1)) << offset
                    offset += bits
                words.append(word)
        return tuple(words)

    @property
    def run_cycles(self) -> int:
        """Cycles of one inference, from the last input octet to the last requantised output.

        Each layer costs one cycle to address its first word, and what its GEMM takes.
        """
        return sum(1 + self.gemm.cycle_count(1, layer.outputs, layer.inputs) for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiplications of one inference that the network asks for."""
        return sum(layer.inputs * layer.outputs for layer in self.layers)

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Input octets."""
        fields = (PayloadField("data", 8, True), PayloadField("last", 1), PayloadField("good", 1))
        doc = "One input per packet, feature 0 first; it runs if `good` comes with `last`, else it is forgotten."
        return (StreamPort("i", fields, doc),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Output octets."""
        fields = (PayloadField("data", 8, True), PayloadField("last", 1))
        return (StreamPort("o", fields, "Outputs of the last layer, then the run's cycles, 4 octets, low first."),)

    @property
    def latency(self) -> int:
        """From the first input octet to the first output octet."""
        return self.input_bytes + self.run_cycles + 1

    @property
    def reply_cycles(self) -> int:
        """Cycles of the reply: two per output octet, one per octet of the cycle count."""
        return 2 * self.output_bytes + CYCLES_BYTES

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """First output octet: packets that are not good go by before it."""
        spans = self._spans(inputs)
        return spans[0][0] + 1 if spans else -1

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Last output octet: input, run and reply take turns."""
        spans = self._spans(inputs)
        return spans[-1][1] if spans else 0

    def _spans(self, inputs: Mapping[str, Beats]) -> list[tuple[int, int]]:
        """Give start and end of each reply."""
        now, found = 0, []
        for span in packets(inputs["i"]):
            now += span.stop - span.start
            if inputs["i"]["good"][span.stop - 1]:
                start = now + self.run_cycles
                now = start + self.reply_cycles
                found.append((start, now))
        return found
