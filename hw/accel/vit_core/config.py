# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the vision transformer's core: geometry, constants, and the rooms that follow from them."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal

from pydantic import Field, StrictInt

from gatewright.hw.accel.vit_core import timing
from gatewright.hw.accel.vit_core.constants import ROW_BITS, follow
from gatewright.hw.accel.vit_core.program import SOURCES, Kind, Matrix, Source, matrices
from gatewright.hw.accel.vit_core.words import store_words
from gatewright.hw.attention.attention.config import AttentionConfig
from gatewright.hw.core.config import RoomConfig, choice, integer, part
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort
from gatewright.hw.memory.ping_pong.config import PingPongConfig
from gatewright.hw.memory.weight_store.config import WeightStoreConfig
from gatewright.hw.moe.expert_queue.config import ExpertQueueConfig
from gatewright.hw.moe.linear.config import LinearConfig
from gatewright.hw.moe.moe_gate.config import MoeGateConfig
from gatewright.hw.nonlinear.activation.config import ActivationConfig
from gatewright.hw.nonlinear.norm.config import NormConfig

CLASS_BYTES, COUNT_BYTES = 2, 4  # of a class's score and of a count in the reply


class VitCoreConfig(RoomConfig):
    """Classify an image: patches, blocks whose MLPs are dense and mixtures of experts in turn, a head per task.

    Parameters of the nested rooms that are absent follow from the core's: shapes, lanes, widths.
    """

    room: ClassVar[str] = "vit_core"

    channels: int = integer(1, 1, 4, doc="Planes of the image.")
    height: int = integer(4, 1, 512, unit="pixels", doc="Rows of a plane; whole patches.")
    width: int = integer(4, 1, 512, unit="pixels", doc="Columns of a plane; whole patches.")
    patch: int = integer(2, 1, 32, unit="pixels", doc="Side of a patch.")
    features: int = integer(16, 1, 1024, doc="Elements of a token.")
    layers: int = integer(2, 2, 64, doc="Blocks: attention and an MLP; every second MLP is a mixture of experts.")
    hidden: int = integer(16, 1, 4096, doc="Elements of a dense MLP's hidden row.")
    expert_hidden: int = integer(16, 1, 4096, doc="Elements of an expert's hidden row.")
    tasks: int = integer(1, 1, 16, doc="Tasks: each has a head, and a gate in each mixture.")
    classes: int = integer(4, 2, 256, doc="Classes of the task that has most.")
    method: Literal["multiply", "select", "fold"] = choice(
        "multiply", doc="How weights are multiplied, see linear: int8, or ternary by either."
    )
    inputs_per_cycle: int = integer(4, 1, 64, doc="Activations that meet weights in a cycle; a power of two.")
    outputs_per_cycle: int = integer(4, 1, 64, doc="Outputs whose weights they meet.")
    group: int = integer(1, 1, 32, doc="Activations of a group of tlmm, see linear.")
    lanes: int = integer(1, 1, 16, doc="Results finished per cycle; also elements of a beat of the norm and the gate.")
    store: Literal["constant", "streamed"] = choice(
        "streamed", doc="Where weights come from: initialised memory, or streams that answer requests."
    )
    attention: AttentionConfig = part(
        AttentionConfig(tokens=5, heads=2, head_dim=8, parallel=2, lanes=4),
        doc="Attention of one layer; tokens and heads of the whole network.",
    )
    norm: NormConfig = part(
        NormConfig(kind="layer", elements=16, in_bits=16),
        doc="Norms before attention and before the feed-forward part.",
    )
    gate: MoeGateConfig = part(MoeGateConfig(), doc="Choice of experts for a token.")
    activation: ActivationConfig = part(ActivationConfig(), doc="Function of the feed-forward part and of the experts.")
    positions: tuple[str, ...] = Field(
        (), description="For each token a string of four hexadecimal digits per feature."
    )
    gains: tuple[str, ...] = Field(
        default=(), description="For each norm a string of six hexadecimal digits per feature."
    )
    biases: tuple[str, ...] = Field(default=(), description="Likewise, of kind layer.")
    attention_scales: tuple[tuple[StrictInt, StrictInt, StrictInt, StrictInt], ...] = Field(
        default=(),
        description="For each block: multiplier and shift code of the scores, multiplier and shift code of results.",
    )
    weights: tuple[str, ...] = Field(
        default=(), description="Constant weights: a string of two digits per weight, row by row."
    )
    params: tuple[str, ...] = Field(
        (), description="Their parameters: per output eight digits of bias, four of multiplier, two of shift code."
    )

    def __init__(self, **values: Any) -> None:
        follow(values, {name: item.default for name, item in type(self).model_fields.items()})
        super().__init__(**values)

    def check(self) -> None:
        """Check shapes and constants; the nested rooms check their own."""
        for name in ("height", "width"):
            value = getattr(self, name)
            self.require(value % self.patch == 0, f"{name} must be a multiple of patch = {self.patch}, not {value}")
        wide, tall, lanes = self.inputs_per_cycle, self.outputs_per_cycle, self.lanes
        self.require(wide & (wide - 1) == 0, f"inputs_per_cycle must be a power of two, not {wide}")
        self.require(wide % lanes == 0, f"lanes must divide inputs_per_cycle = {wide}, not {lanes}")
        least = wide * (tall // lanes)
        for name in ("features", "hidden", "expert_hidden"):
            value = getattr(self, name)
            for unit in (wide, tall):
                self.require(value % unit == 0, f"{name} must be a multiple of {unit}, not {value}")
            self.require(value >= least, f"{name} must be at least {least} for results to keep up, not {value}")
        beat = self.attention.lanes
        self.require(
            beat % lanes == 0 and wide % beat == 0,
            f"attention.lanes must be a multiple of lanes = {lanes} and divide inputs_per_cycle = {wide}, not {beat}",
        )
        self._check_rooms()
        self._check_constants()

    def _check_rooms(self) -> None:
        wanted: dict[str, Mapping[str, Any]] = {
            "attention": {"tokens": self.tokens, "act_bits": 8, "multiplier_bits": 16, "shift_bits": 4,
                          "shift_min": 16},
            "norm": {"output": "static", "lanes": self.lanes, "elements": self.features, "in_bits": ROW_BITS,
                     "out_bits": 8},
            "gate": {"features": self.features, "lanes": self.lanes, "gates": self.mixtures * self.tasks},
            "activation": {"lanes": self.lanes, "in_bits": 8, "out_bits": 8, "out_signed": True},
        }  # fmt: skip
        for room, fields in wanted.items():
            for name, want in fields.items():
                have = getattr(getattr(self, room), name)
                self.require(have == want, f"{room}.{name} must be {want}, not {have}")
        width = self.attention.heads * self.attention.head_dim
        self.require(
            width == self.features, f"attention.heads * attention.head_dim must be {self.features}, not {width}"
        )

    def _check_constants(self) -> None:
        counts = {
            "positions": (self.tokens, 4 * self.features), "gains": (self.norms, 6 * self.features),
            "biases": (self.norms if self.norm.has_bias else 0, 6 * self.features),
        }  # fmt: skip
        for name, (count, digits) in counts.items():
            rows = getattr(self, name)
            self.require(len(rows) == count, f"{name} must hold {count} rows, not {len(rows)}")
            for index, row in enumerate(rows):
                self.require(len(row) == digits, f"{name}[{index}] must have {digits} digits, not {len(row)}")
        scales = len(self.attention_scales)
        self.require(scales == self.layers, f"attention_scales must hold {self.layers} rows, not {scales}")
        want = len(self.matrices) if self.store == "constant" else 0
        for name in ("weights", "params"):
            have = len(getattr(self, name))
            self.require(have == want, f"{name} must hold {want} matrices for store {self.store}, not {have}")

    # --- geometry ---

    @property
    def tokens(self) -> int:
        """Patches, and in front of them the token that is classified."""
        return 1 + self.height // self.patch * (self.width // self.patch)

    @property
    def patch_bytes(self) -> int:
        """Octets of a patch."""
        return self.channels * self.patch**2

    @property
    def mixtures(self) -> int:
        """Layers whose MLP is a mixture."""
        return self.layers // 2

    @property
    def norms(self) -> int:
        """Norms: two in each block, one behind the last."""
        return 2 * self.layers + 1

    @property
    def fraction(self) -> int:
        """Fraction bits of an expert's weight."""
        return self.gate.weight_bits

    @cached_property
    def matrices(self) -> tuple[Matrix, ...]:
        """All matrices, in the order of their numbers."""
        return matrices(self.layers, self.gate.experts, self.tasks)

    def inputs_of(self, kind: Kind) -> int:
        """Elements of the rows that jobs of a kind read."""
        match kind:
            case Kind.EMBED:
                return self.patch_bytes
            case Kind.FC2:
                return self.hidden
            case Kind.EXPERT2:
                return self.expert_hidden
        return self.features

    def outputs_of(self, kind: Kind) -> int:
        """Elements of the rows that they give."""
        match kind:
            case Kind.QKV:
                return 3 * self.features
            case Kind.FC1:
                return self.hidden
            case Kind.EXPERT1:
                return self.expert_hidden
            case Kind.HEAD:
                return self.classes
        return self.features

    def blocks(self, kind: Kind) -> int:
        """Beats of a row that jobs of a kind read; ternary rows are filled up until results keep up."""
        least = self.outputs_per_cycle // self.lanes if self.linear.ternary else 1
        return max(least, -(-self.inputs_of(kind) // self.inputs_per_cycle))

    def tiles(self, kind: Kind) -> int:
        """Beats of the array that a row of results takes."""
        return -(-self.outputs_of(kind) // self.outputs_per_cycle)

    def beats(self, kind: Kind) -> int:
        """Beats of weights of a matrix; also the cycles in which a row meets it."""
        return self.blocks(kind) * self.tiles(kind)

    def param_beats(self, kind: Kind) -> int:
        """Beats of its parameters."""
        return self.tiles(kind) * self.outputs_per_cycle // self.lanes

    def depth(self, source: Source) -> int:
        """Words of a memory of rows."""
        return self.tokens * max(self.blocks(kind) for kind in Kind if SOURCES[kind] == source)

    # --- rooms ---

    @cached_property
    def linear(self) -> LinearConfig:
        """The engine of all linear layers."""
        least = self.outputs_per_cycle // self.lanes * self.inputs_per_cycle
        return LinearConfig(
            method=self.method, inputs_per_cycle=self.inputs_per_cycle, outputs_per_cycle=self.outputs_per_cycle,
            group=self.group, lanes=self.lanes, inputs_max=max(least, *(self.inputs_of(kind) for kind in Kind)),
            outputs_max=max(self.outputs_of(kind) for kind in Kind),
        )  # fmt: skip

    @cached_property
    def queue(self) -> ExpertQueueConfig:
        """Who goes to which expert."""
        return ExpertQueueConfig(experts=self.gate.experts, tokens_max=self.tokens, weight_bits=self.fraction, turns=2)

    @cached_property
    def weight_buffer(self) -> PingPongConfig:
        """Two matrices' weights: one is used, the other comes."""
        code = self.linear.code
        depth = max(self.beats(kind) for kind in Kind)
        return PingPongConfig(width=code.bits * code.count + 1, depth=depth, replay=True)

    @cached_property
    def param_buffer(self) -> PingPongConfig:
        """And their parameters."""
        bits = sum(field.bits * field.count for field in self.linear.inputs[-1].fields)
        return PingPongConfig(width=bits, depth=max(self.param_beats(kind) for kind in Kind), replay=True)

    def first(self, number: int, param: bool) -> int:
        """Give the address of a constant matrix's first word, or of its parameters'."""
        count = self.param_beats if param else self.beats
        return sum(count(matrix.kind) for matrix in self.matrices[:number])

    def constant_store(self, param: bool) -> WeightStoreConfig:
        """The memory of constant weights, or of their parameters; a word is a beat and its flags."""
        words = store_words(self, param)
        width = self.param_buffer.width + 1 if param else self.weight_buffer.width + 1
        return WeightStoreConfig(depth=len(words), width=width, contents=words)

    # --- streams ---

    @property
    def input_bytes(self) -> int:
        """Octets of an input: the task, then the pixels, plane by plane."""
        return 1 + self.channels * self.height * self.width

    @property
    def route_bytes(self) -> int:
        """Octets that tell each token's experts in each mixture."""
        return self.mixtures * self.tokens * self.gate.k

    @property
    def output_bytes(self) -> int:
        """Octets of an output: a score per class, then the routes."""
        return CLASS_BYTES * self.classes + self.route_bytes

    @property
    def count_bytes(self) -> int:
        """Octets of the count of cycles behind an output; none where it depends on the weights' source."""
        return COUNT_BYTES if self.store == "constant" else 0

    @property
    def loads(self) -> int:
        """LOAD requests that bring weights: none."""
        return 0

    @property
    def matrix_bits(self) -> int:
        """Width of a matrix's number."""
        return max(1, (len(self.matrices) - 1).bit_length())

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Images, and streamed weights."""
        last, final = PayloadField("last", 1), PayloadField("final", 1)
        image = (PayloadField("data", 8, True), last, PayloadField("good", 1))
        doc = "Task and pixels (0..127), plane by plane, row by row; the image runs if `good` comes with `last`."
        ports = (StreamPort("i", image, doc),)
        if self.store == "constant":
            return ports
        return (
            *ports,
            StreamPort("i_w", (self.linear.code, last, final), "Weights asked for, `last` as linear has it, `final` a "
                       "matrix's last."),
            StreamPort("i_param", (*self.linear.inputs[-1].fields, final), "Their parameters."),
        )  # fmt: skip

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Replies, and requests for weights."""
        fields = (PayloadField("data", 8, True), PayloadField("last", 1))
        doc = "Scores of the classes, 2 octets each, low first; each mixture's experts, token by token; with constant "
        ports = (StreamPort("o", fields, doc + "weights the run's cycles, 4 octets."),)
        if self.store == "constant":
            return ports
        return (StreamPort("o_fetch", (PayloadField("matrix", self.matrix_bits),), "Matrices in order of use."), *ports)

    @property
    def latency(self) -> int:
        """Of a run in which every expert gets its share, from the first input octet to the first of the reply."""
        return self.input_bytes + self.run_cycles + 1

    @property
    def macs(self) -> int:
        """Weights that meet an activation in a run, padding left out."""
        return timing.macs(self)

    @property
    def macs_per_cycle(self) -> int:
        """Most weights that meet an activation in a cycle."""
        return self.inputs_per_cycle * self.outputs_per_cycle

    @property
    def utilisation(self) -> float:
        """Part of the array's multiplications that a run needs, if every expert gets its share."""
        return self.macs / (self.macs_per_cycle * self.run_cycles)

    @property
    def run_cycles(self) -> int:
        """Cycles of a run in which every expert gets its share; see `timing.run`."""
        return timing.typical(self)

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """Wait for the first reply, or the first request."""
        return timing.spans(self, inputs)[0]

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Follow all runs; the routes come from the golden model."""
        return timing.spans(self, inputs)[1]
