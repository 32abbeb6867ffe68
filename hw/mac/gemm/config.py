# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the GEMM engine."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from gatewright.hw.core.config import RoomConfig, choice, flag, integer, part
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort
from gatewright.hw.mac.adder_tree.config import AdderTreeConfig
from gatewright.hw.mac.broadcast.config import BroadcastConfig
from gatewright.hw.mac.cube.config import CubeConfig
from gatewright.hw.mac.gemm import timing
from gatewright.hw.mac.pe.config import product_range
from gatewright.hw.mac.systolic_os.config import SystolicOsConfig
from gatewright.hw.mac.systolic_ws.config import SystolicWsConfig
from gatewright.hw.memory.ping_pong.config import PingPongConfig
from gatewright.hw.quantise.requantise.config import RequantiseConfig

CUBES: dict[str, type[CubeConfig]] = {"broadcast": BroadcastConfig, "tree": AdderTreeConfig, "cube": CubeConfig}


class GemmConfig(RoomConfig):
    """Compute ``C[M, N] = requantise(A[M, K] @ B[K, N] + bias[N])``, shapes given at run time.

    Absent parameters follow from others: ``lanes`` from ``cols``; ``operand_buffers`` from
    ``dataflow``; in ``requantise``, ``lanes`` and ``acc_bits`` from the engine's, and ``scope`` is
    ``channel``.
    """

    room: ClassVar[str] = "gemm"

    dataflow: Literal["os", "ws", "broadcast", "tree", "cube"] = choice(
        "os", doc="The array: output- or weight-stationary systolic, broadcast, adder tree, or cube."
    )
    rows: int = integer(8, 1, 64, doc="Rows of the array: of A, or terms of the dot products with ws.")
    cols: int = integer(8, 1, 64, doc="Columns of the array.")
    depth: int = integer(1, 1, 64, doc="Terms of each dot product taken per cycle; tree and cube only.")
    act_bits: int = integer(8, 1, 16, unit="bits", doc="Width of an activation, an element of A.")
    weight_bits: int = integer(8, 1, 16, unit="bits", doc="Width of a weight, an element of B.")
    act_signed: bool = flag(True, doc="Activations are two's complement.")
    weight_signed: bool = flag(True, doc="Weights are two's complement.")
    acc_bits: int = integer(32, 8, 48, unit="bits", doc="Width of an accumulator; holds k_max products and a bias.")
    m_max: int = integer(1024, 1, 1 << 20, doc="Most rows of A.")
    n_max: int = integer(1024, 1, 1 << 20, doc="Most columns of B.")
    k_max: int = integer(1024, 1, 1 << 20, doc="Longest dot product.")
    multiplier: Literal["plain", "booth", "dsp"] = choice(
        "plain", doc="How products are built: by the tool, as Booth rows in LUTs, or counting on a hard multiplier."
    )
    product_register: bool = flag(True, doc="A register after each multiplier.")
    m_depth: int = integer(256, 1, 1 << 14, unit="rows", doc="Rows of A per block; ws only: depth of its sums' memory.")
    operand_buffers: bool = flag(
        True, doc="Double-buffer both operands; false with ws, or if their sources are on-chip memories."
    )
    buffer_depth: int = integer(256, 1, 1 << 14, unit="beats", doc="Length of a tile buffer; A is kept if K fits.")
    lanes: int = integer(8, 1, 64, doc="Columns finished per cycle; divides cols.")
    output: Literal["requantised", "accumulator"] = choice("requantised", doc="What leaves the engine.")
    bias_bits: int = integer(16, 1, 48, unit="bits", doc="Width of a bias, two's complement; requantised output only.")
    requantise: RequantiseConfig = part(
        RequantiseConfig(lanes=8, scope="channel"), doc="Rounding to narrow outputs; requantised output only."
    )

    def __init__(self, **values: Any) -> None:
        if "lanes" not in values and isinstance(values.get("cols"), int):
            values["lanes"] = values["cols"]
        if values.get("dataflow") == "ws":
            values.setdefault("operand_buffers", False)
        inner = values.get("requantise", {})
        if isinstance(inner, dict):
            follow = {name: values[name] for name in ("lanes", "acc_bits") if name in values}
            values["requantise"] = {"lanes": 8, "scope": "channel", **follow, **inner}
        super().__init__(**values)

    def check(self) -> None:
        """Check the rules between fields; the array and the requantiser check their own."""
        self.require(self.cols % self.lanes == 0, f"lanes must divide cols = {self.cols}, not {self.lanes}")
        deep = self.dataflow in ("tree", "cube")
        self.require(deep or self.depth == 1, f"depth must be 1 for dataflow {self.dataflow}, not {self.depth}")
        need = self.sum_bits
        self.require(
            self.acc_bits >= need,
            f"acc_bits must be at least {need} to hold k_max = {self.k_max} products"
            f"{' and a bias' if self.output == 'requantised' else ''}, not {self.acc_bits}",
        )
        if self.dataflow == "ws":
            self.require(not self.operand_buffers, "operand_buffers must be false for dataflow ws, not true")
        _ = self.array
        if self.output == "requantised":
            for name in ("lanes", "acc_bits"):
                inner, outer = getattr(self.requantise, name), getattr(self, name)
                self.require(inner == outer, f"requantise.{name} must equal {name} = {outer}, not {inner}")

    @property
    def block(self) -> int:
        """Rows of A that share a result block."""
        return self.m_depth if self.dataflow == "ws" else self.rows

    @property
    def step(self) -> int:
        """Terms of the dot products taken per cycle."""
        return self.rows if self.dataflow == "ws" else self.depth

    @property
    def sum_bits(self) -> int:
        """Bits that the longest dot product needs, with a bias if there is one; two's complement."""
        bias = 1 << (self.bias_bits - 1) if self.output == "requantised" else 0
        act, weight = (port.fields[0] for port in self.inputs[1:3])
        low, high = (bound * self.k_tiles_max * self.step for bound in product_range(act, weight))
        return 1 + max((high + max(0, bias - 1)).bit_length(), max(0, bias - low - 1).bit_length())

    @property
    def array(self) -> CubeConfig | SystolicOsConfig | SystolicWsConfig:
        """Parameters of the array."""
        names = ["rows", "cols", "act_bits", "weight_bits", "act_signed", "weight_signed", "acc_bits"]
        names += ["multiplier", "product_register"]
        if self.dataflow != "ws":
            names.append("k_max")
        if self.dataflow in CUBES:
            names.append("depth")
        values = {name: getattr(self, name) for name in names}
        if self.dataflow == "ws":
            return SystolicWsConfig(**values)
        return SystolicOsConfig(**values) if self.dataflow == "os" else CUBES[self.dataflow](**values)

    @property
    def buffers(self) -> tuple[PingPongConfig, PingPongConfig]:
        """Tile buffers of A and B."""
        act, weight = (port.bits - 1 for port in self.inputs[1:3])
        return (
            PingPongConfig(width=act, depth=self.buffer_depth, replay=True),
            PingPongConfig(width=weight, depth=self.buffer_depth),
        )

    def keeps(self, beats: int) -> bool:
        """Whether a packet of A stays in its buffer for all column tiles."""
        return self.operand_buffers and beats <= self.buffer_depth

    @property
    def groups(self) -> int:
        """Output beats per row of the array's result."""
        return self.cols // self.lanes

    @property
    def m_tiles_max(self) -> int:
        """Most row tiles."""
        return -(-self.m_max // self.block)

    @property
    def k_tiles_max(self) -> int:
        """Most slices of K; ws only."""
        return -(-self.k_max // self.step)

    @property
    def n_tiles_max(self) -> int:
        """Most column tiles."""
        return -(-self.n_max // self.cols)

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Command, operands, and the parameters of the columns."""
        last = PayloadField("last", 1)
        ws = self.dataflow == "ws"
        act_shape, weight_shape = (self.rows, self.depth), (self.depth, self.cols)
        act = PayloadField("a", self.act_bits, self.act_signed, act_shape[:1] if ws else act_shape)
        weight = PayloadField("b", self.weight_bits, self.weight_signed, weight_shape[1:] if ws else weight_shape)
        ports = (
            StreamPort("i_command", self._command, "Tile counts; held until the last row has left the array."),
            StreamPort("i_a", (act, last), "Tiles of A, a packet each."),
            StreamPort("i_b", (weight, last), "Tiles of B, a packet each."),
        )
        if self.output == "accumulator":
            return ports
        scale = [field for field in self.requantise.inputs[0].fields if field.name in ("multiplier", "shift")]
        fields = (PayloadField("bias", self.bias_bits, True, (self.lanes,)), *scale)
        return (*ports, StreamPort("i_param", fields, "Bias and scale of the columns."))

    @property
    def _command(self) -> tuple[PayloadField, ...]:
        m_tiles = PayloadField("m_tiles", self.m_tiles_max.bit_length())
        n_tiles = PayloadField("n_tiles", self.n_tiles_max.bit_length())
        if self.dataflow == "ws":
            return m_tiles, n_tiles, PayloadField("k_tiles", self.k_tiles_max.bit_length())
        return m_tiles, PayloadField("m_rest", self.rows.bit_length()), n_tiles

    @property
    def rows_port(self) -> StreamPort:
        """Rows of finished sums, before bias and scale."""
        fields = (PayloadField("sum", self.acc_bits, True, (self.cols,)), PayloadField("last", 1))
        return StreamPort("o", fields)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Rows of the result tiles, ``lanes`` columns a beat."""
        if self.output == "accumulator":
            value = PayloadField("sum", self.acc_bits, True, (self.lanes,))
        else:
            value = self.requantise.outputs[0].field("q")
        return (StreamPort("o", (value, PayloadField("last", 1)), "Rows tile by tile; last ends the product."),)

    @property
    def latency(self) -> int:
        """Of a product of one beat."""
        return self.cycle_count(1, 1, 1) - 1 - (self.groups - 1) * self.pace

    @property
    def finish(self) -> int:
        """Cycles from a result's entry into the requantiser to the output."""
        return 0 if self.output == "accumulator" else self.requantise.latency

    @property
    def pace(self) -> int:
        """Cycles per output beat."""
        return 1 if self.output == "accumulator" else self.requantise.interval

    def cycle_count(self, m: int, n: int, k: int) -> int:
        """Count the cycles of one product from rest; exact for every shape.

        From the cycle in which command and operands are first offered, to the last output
        transfer, both included, every input valid and the output never stalling. See `timing`.
        """
        m_tiles, n_tiles, k_tiles = -(-m // self.block), -(-n // self.cols), -(-k // self.step)
        return self._span([(m_tiles, m - (m_tiles - 1) * self.block, n_tiles, k_tiles)])[1]

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """First output of a sequence of products."""
        return self._span(self._products(inputs))[0]

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Last output of a sequence of products."""
        return self._span(self._products(inputs))[1]

    def _products(self, inputs: Mapping[str, Beats]) -> list[tuple[int, int, int, int]]:
        """Read row tiles, rows in the last, column tiles and steps of each product off its streams."""
        command = {name: column.tolist() for name, column in inputs["i_command"].items()}
        ws = self.dataflow == "ws"
        lengths = CubeConfig.packet_lengths({"i": inputs["i_a" if ws else "i_b"]})
        found, at = [], 0
        for index, (m_tiles, n_tiles) in enumerate(zip(command["m_tiles"], command["n_tiles"], strict=True)):
            steps = command["k_tiles"][index] if ws else lengths[at]
            at += m_tiles * n_tiles * (steps if ws else 1)
            found.append((m_tiles, lengths[at - 1] if ws else command["m_rest"][index], n_tiles, steps))
        return found

    def _span(self, products: list[tuple[int, int, int, int]]) -> tuple[int, int]:
        """Give delay to the first and count to the last output of a run of products."""
        row = self.groups * self.pace
        array = self.array
        if isinstance(array, SystolicWsConfig):
            skews = [array.skew(index) for index in range(self.rows)]
            packets = [packet for product in products for packet in self._packets(*product)]
            shape = (self.rows, array.groups, skews, array.latency)
            first, last = timing.weight_stationary(packets, *shape, row)
        else:
            tiles = [tile for product in products for tile in self._tiles(*product)]
            clock: timing.Array = (
                timing.Walking(self.rows, array.latency, row)
                if isinstance(array, SystolicOsConfig)
                else timing.Draining(array.stages, row)
            )
            depth = self.buffer_depth if self.operand_buffers else 0
            first, last = timing.output_stationary(tiles, clock, depth)
        return first + self.pace + self.finish, last + self.finish + 1

    def _tiles(self, m_tiles: int, m_rest: int, n_tiles: int, beats: int) -> list[timing.Tile]:
        """List the tiles of one product in the engine's order."""
        found = []
        for row in range(m_tiles):
            valid = m_rest if row == m_tiles - 1 else self.rows
            for col in range(n_tiles):
                new_a = col == 0 or not self.keeps(beats)
                end = row == m_tiles - 1 and col == n_tiles - 1
                found.append(timing.Tile(beats, valid, self.rows - valid, new_a, end))
        return found

    def _packets(self, m_tiles: int, m_rest: int, n_tiles: int, k_tiles: int) -> list[tuple[int, bool]]:
        """List the packets of A of one product: rows, and whether they complete their sums."""
        heights = [self.m_depth] * (m_tiles - 1) + [m_rest]
        block = [index == k_tiles - 1 for index in range(k_tiles)] * n_tiles
        return [(height, final) for height in heights for final in block]
