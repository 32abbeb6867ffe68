# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of causal attention over a cache."""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

from gatewright.hw.attention.kv_attention import timing
from gatewright.hw.attention.rescale import rescale
from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort
from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig
from gatewright.hw.quantise.requantise.config import RequantiseConfig

COLUMNS = 64  # lanes of a requantiser
SCALES = ("score_multiplier", "score_shift", "out_multiplier", "out_shift")


class KvAttentionConfig(RoomConfig):
    """Attend from tokens to their layer's tokens up to themselves; their keys and values join the cache first."""

    room: ClassVar[str] = "kv_attention"

    heads: int = integer(4, 1, 64, doc="Heads of queries.")
    kv_heads: int = integer(1, 1, 64, doc="Heads of keys and values; divides heads.")
    head_dim: int = integer(32, 1, 256, doc="Elements of a head; a multiple of lanes.")
    layers: int = integer(4, 1, 64, doc="Layers, each with tokens of its own.")
    context: int = integer(128, 1, 4096, doc="Tokens that the cache holds for a layer.")
    lanes: int = integer(8, 1, 64, doc="Elements of a beat; a power of two.")
    parallel: int = integer(
        4, 1, 64, doc="Heads of queries that meet a key in the same cycle; divides heads / kv_heads."
    )
    queries: int = integer(1, 1, 16, doc="Most tokens of a job; a key that is read meets the queries of all of them.")
    tokens: int = integer(
        1, 1, 16, doc="Tokens whose keys, or values, a cycle reads; a power of two, 1 if queries is above 1."
    )
    act_bits: int = integer(8, 2, 16, unit="bits", doc="Width of an element, two's complement.")
    score_bits: int = integer(12, 4, 16, unit="bits", doc="Width of a score, two's complement.")
    score_fraction: int = integer(6, 0, 24, unit="bits", doc="A score of 1 is really worth 2**-score_fraction.")
    probability_bits: int = integer(
        12, 4, 16, unit="bits", doc="Width of a probability, unsigned, in units of 2**-probability_bits."
    )
    out_bits: int = integer(16, 2, 16, unit="bits", doc="Width of a result, two's complement.")
    multiplier_bits: int = integer(16, 2, 32, unit="bits", doc="Width of both multipliers, unsigned.")
    shift_bits: int = integer(4, 1, 6, unit="bits", doc="Width of both shift codes.")
    shift_min: int = integer(16, 0, 63, unit="bits", doc="Right shift of code 0.")
    logic_products: int = integer(
        0, 0, 1 << 14,
        doc="Multipliers, of parallel * queries * tokens * head_dim, that are built of logic instead of hard ones.",
    )  # fmt: skip

    def check(self) -> None:
        """Check the rules between fields; softmax and requantisers check their own."""
        self.require(
            self.heads % self.kv_heads == 0, f"kv_heads must divide heads = {self.heads}, not be {self.kv_heads}"
        )
        self.require(
            self.share % self.parallel == 0,
            f"parallel must divide heads / kv_heads = {self.share}, not be {self.parallel}",
        )
        self.require(self.lanes & (self.lanes - 1) == 0, f"lanes must be a power of two, not {self.lanes}")
        self.require(
            self.head_dim % self.lanes == 0, f"head_dim must be a multiple of lanes = {self.lanes}, not {self.head_dim}"
        )
        self.require(
            self.tokens == 1 or (self.queries == 1 and self.tokens & (self.tokens - 1) == 0),
            f"tokens must be {'1, as queries is above 1' if self.queries > 1 else 'a power of two'}, not {self.tokens}",
        )
        self.require(
            self.logic_products <= self.products,
            f"logic_products must be at most parallel * queries * tokens * head_dim = {self.products}, "
            f"not {self.logic_products}",
        )
        self.require(
            self.columns <= COLUMNS, f"queries must be at most {COLUMNS} / parallel = {COLUMNS // self.parallel}, "
            f"not {self.queries}",
        )  # fmt: skip
        most = min(self.context, COLUMNS // self.columns)
        self.require(
            self.tokens <= most, f"tokens must be at most {most}, the less of context and {COLUMNS} / parallel, "
            f"not {self.tokens}",
        )  # fmt: skip
        for part in (self.softmax, self.scorer, self.finisher):  # which refuse what they can't do
            assert part

    @property
    def share(self) -> int:
        """Heads of queries that read the same keys."""
        return self.heads // self.kv_heads

    @property
    def passes(self) -> int:
        """Walks through a layer's keys, and through its values, that a job takes."""
        return self.heads // self.parallel

    @property
    def columns(self) -> int:
        """Queries that meet a key in the same cycle, token after token: ``parallel`` heads of each."""
        return self.parallel * self.queries

    @property
    def scores(self) -> int:
        """Scores of a cycle, column after column."""
        return self.columns * self.tokens

    @property
    def products(self) -> int:
        """Multipliers of the array."""
        return self.scores * self.head_dim

    @property
    def place_bits(self) -> int:
        """Bits of a position that tell a token's place in its word."""
        return (self.tokens - 1).bit_length()

    @property
    def words(self) -> int:
        """Words of a head's keys, or values, in a layer."""
        return -(-self.context // self.tokens)

    @property
    def parts(self) -> int:
        """Beats of a head."""
        return self.head_dim // self.lanes

    @property
    def groups(self) -> int:
        """Beats of a token's results of a walk, and of its queries."""
        return self.parallel * self.parts

    @property
    def reorders(self) -> bool:
        """Whether results wait for other heads of their token: each walk has those of all tokens."""
        return self.queries > 1 and self.passes > 1

    @property
    def depth(self) -> int:
        """Words of the cache: keys or values of a head, of ``tokens`` tokens each."""
        return 2 * self.layers * self.kv_heads * self.words

    @property
    def memory_bits(self) -> int:
        """Bits of the cache."""
        return self.depth * self.tokens * self.head_dim * self.act_bits

    @property
    def levels(self) -> int:
        """Levels of adders that join the products of a score."""
        return (self.head_dim - 1).bit_length()

    @property
    def tree_stages(self) -> int:
        """Registers in those: one behind every second level and the last."""
        return -(-self.levels // 2)

    @property
    def sum_stage(self) -> int:
        """Registers from a walk's counter to what accumulators add: memory to products, and the adders of a word."""
        return 4 + -(-self.place_bits // 2)

    @property
    def weight_bits(self) -> int:
        """Width of what meets a key or a value: a query's element or a probability, with its sign."""
        return max(self.act_bits, self.probability_bits + 1)

    @property
    def product_bits(self) -> int:
        """Width of a product of either kind."""
        return max(2 * self.act_bits, self.probability_bits + self.act_bits)

    @property
    def dot_bits(self) -> int:
        """Width of an exact sum of products of queries and keys."""
        return (self.head_dim << (2 * self.act_bits - 2)).bit_length() + 1

    @cached_property
    def sum_bits(self) -> int:
        """Width of an exact sum of products of probabilities and values, given how much a row can add up to."""
        one = 1 << self.probability_bits
        most = min(self.context * (one - 1), one + math.floor(self.softmax.row_sum_error_lsb))
        return ((most << (self.act_bits - 1)) - 1).bit_length() + 1

    @cached_property
    def softmax(self) -> SoftmaxConfig:
        """The softmax of each column; what a row's last word has beyond its tokens is masked.

        Columns go in step: rows of a block's earlier tokens have that too.
        """
        return SoftmaxConfig(
            algorithm="exact", lanes=self.tokens, score_bits=self.score_bits, scale=1,
            scale_fraction=self.score_fraction, out_bits=self.probability_bits, row_max=self.context,
            mask="keep" if max(self.queries, self.tokens) > 1 else "none", product_registers=2,
        )  # fmt: skip

    @cached_property
    def scorer(self) -> RequantiseConfig:
        """The requantiser of scores, a cycle's in a beat; its input comes from registers."""
        return rescale(self, self.scores, self.dot_bits, self.score_bits, False)

    @cached_property
    def finisher(self) -> RequantiseConfig:
        """The requantiser of results; its input comes from a multiplexer."""
        return rescale(self, self.lanes, self.sum_bits, self.out_bits, True)

    @property
    def dot_stage(self) -> int:
        """Registers from a walk's counter to an exact score: memory, its output, operands, products, tree."""
        return 4 + self.tree_stages

    @property
    def score_delay(self) -> int:
        """Cycles from reading a key to its score at the softmax."""
        return self.dot_stage + self.scorer.latency

    @property
    def job_overhead(self) -> int:
        """Cycles of a lone job of one walk, from its first beat to its last result, beyond 3 for each token it sees."""
        return timing.play(self, [0]).last - 2

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Jobs; rows of the query, the key and the value of each of their tokens."""
        x = (PayloadField("x", self.act_bits, True, (self.lanes,)), PayloadField("last", 1))
        job = (
            PayloadField("layer", max((self.layers - 1).bit_length(), 1)),
            PayloadField("position", max((self.context - 1).bit_length(), 1)),
            *([PayloadField("more", (self.queries - 1).bit_length())] if self.queries > 1 else []),
            *(
                PayloadField(name, self.shift_bits if name.endswith("shift") else self.multiplier_bits)
                for name in SCALES
            ),
        )
        return (
            StreamPort("i_job", job, "A token in a layer: where it is, and the scales of scores and of results."),
            StreamPort("i_q", x, "Its queries, head after head."),
            StreamPort("i_k", x, "Its keys, likewise."),
            StreamPort("i_v", x, "Its values, likewise; a token's are taken behind its keys."),
        )

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Rows of results."""
        fields = (PayloadField("y", self.out_bits, True, (self.lanes,)), PayloadField("last", 1))
        return (StreamPort("o", fields, "Results, head after head."),)

    @property
    def latency(self) -> int:
        """Cycles of a lone job at position 0 from its first beat to its first result."""
        return timing.play(self, [0]).first

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """Count cycles from the first input transfer to the first output transfer, nothing stalling."""
        return self._play(inputs).first

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Count cycles from the first input transfer to the last output transfer, both included."""
        return self._play(inputs).last + 1

    @classmethod
    def timing_table(cls) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Tabulate for the card what prompts take in blocks: head and rows."""
        prompts = (16, 64, 256)
        words = f"words read for {prompts[-1]}"
        head = ("lanes", "queries", "multipliers", *(f"{count} tokens" for count in prompts), words)
        rows = []
        for lanes in (8, 32):
            for queries in (1, 2, 4, 8, 16):
                config = cls(context=prompts[-1], lanes=lanes, queries=queries)
                times = [
                    timing.play(config, range(0, count, queries), [queries - 1] * (count // queries))
                    for count in prompts
                ]
                found = (f"{time.last + 1:,} ({100 * time.utilisation:.1f} %)".replace(",", " ") for time in times)
                words = f"{times[-1].busy:,}".replace(",", " ")
                rows.append((str(lanes), str(queries), f"{config.products:,}".replace(",", " "), *found, words))
        return head, rows

    def _play(self, inputs: Mapping[str, Beats]) -> timing.Times:
        jobs = inputs["i_job"]
        return timing.play(self, jobs["position"].tolist(), jobs["more"].tolist() if "more" in jobs else ())
