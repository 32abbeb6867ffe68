# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the core: the network in integer matrices, one image after the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from gatewright.hw.accel.vit_core.config import CLASS_BYTES, COUNT_BYTES, VitCoreConfig
from gatewright.hw.accel.vit_core.constants import NORM_DIGITS, POSITION_DIGITS, ROW_BITS, unpack_rows
from gatewright.hw.accel.vit_core.program import Kind, Matrix, mixture, passes
from gatewright.hw.accel.vit_core.timing import run_cycles
from gatewright.hw.accel.vit_core.words import unpack_columns, unpack_matrix
from gatewright.hw.attention.attention.golden import golden as attention
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.moe.linear.golden import finish, matrix_of
from gatewright.hw.moe.moe_gate.golden import choose, scores
from gatewright.hw.nonlinear.activation.golden import activation
from gatewright.hw.nonlinear.norm.golden import golden as norm

Layer = tuple[Ints, dict[str, Ints]]  # matrix (outputs, inputs), bias, multiplier and shift (outputs,)
Provide = Callable[[Matrix], Layer]


@dataclass
class Answer:
    """What a run gives.

    Attributes
    ----------
    scores : (classes,) int64
        Of the task's classes; zeros behind them.
    routes : (mixtures, tokens, k) int64
        Experts, best first.
    used : list of dict
        For each mixture the tokens of its experts that have any.
    """

    scores: Ints
    routes: Ints
    used: list[dict[int, list[int]]] = field(default_factory=list)


def infer(config: VitCoreConfig, image: Ints, task: int, provide: Provide) -> Answer:
    """Run the network.

    Parameters
    ----------
    image : (channels, height, width) int64
        Pixels, signed octets.
    task : int
        Which gates and which head.
    provide : callable
        Gives matrices in the order of their use.
    """
    rows = patches(config, image)
    x = clip(
        unpack_rows(config.positions, POSITION_DIGITS) + linear(config, rows, provide(Matrix(Kind.EMBED))), ROW_BITS
    )
    routes, used = [], []
    for layer in range(config.layers):
        y = normalise(config, x, 2 * layer)
        qkv = clip(linear(config, y, provide(Matrix(Kind.QKV, layer))), 8)
        attended = attend(config, qkv, layer)
        x = clip(x + linear(config, attended, provide(Matrix(Kind.PROJECT, layer))), ROW_BITS)
        y = normalise(config, x, 2 * layer + 1)
        if not mixture(layer):
            hidden = activate(config, linear(config, y, provide(Matrix(Kind.FC1, layer))))
            x = clip(x + linear(config, hidden, provide(Matrix(Kind.FC2, layer))), ROW_BITS)
            continue
        gate = np.full(len(y), layer // 2 * config.tasks + task)
        chosen, weights = choose(config.gate, scores(config.gate, y, gate))
        routes.append(chosen)
        queues = {expert: np.flatnonzero((chosen == expert).any(axis=1)) for expert in np.unique(chosen).tolist()}
        used.append({expert: tokens.tolist() for expert, tokens in queues.items()})
        for expert, tokens in queues.items():
            hidden = activate(config, linear(config, y[tokens], provide(Matrix(Kind.EXPERT1, layer, expert))))
            given = linear(config, hidden, provide(Matrix(Kind.EXPERT2, layer, expert)))
            weight = weights[tokens][chosen[tokens] == expert][:, np.newaxis]
            weighed = (given * weight + (1 << (config.fraction - 1))) >> config.fraction
            x = x.copy()
            x[tokens] = clip(x[tokens] + weighed, ROW_BITS)
    first = normalise(config, x, 2 * config.layers)[:1]
    found = linear(config, first, provide(Matrix(Kind.HEAD, config.layers, task)))[0]
    return Answer(np.pad(found, (0, config.classes - len(found))), np.array(routes), used)


def clip(values: Ints, bits: int) -> Ints:
    """Saturate to two's complement."""
    return np.clip(values, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def patches(config: VitCoreConfig, image: Ints) -> Ints:
    """Cut an image into rows of patches, plane by plane and line by line; the first row is zero."""
    side = config.patch
    down, across = config.height // side, config.width // side
    cut = image.reshape(config.channels, down, side, across, side).transpose(1, 3, 0, 2, 4)
    return np.pad(cut.reshape(down * across, -1), ((1, 0), (0, 0)))


def linear(config: VitCoreConfig, rows: Ints, layer: Layer) -> Ints:
    """Multiply rows (tokens, inputs) with a matrix, add biases, scale."""
    matrix, columns = layer
    sums = np.rint(rows.astype(float) @ matrix.T.astype(float)).astype(np.int64)  # exact below 2**53
    lacking = (0, -len(matrix) % config.lanes)
    scale = {
        name: np.broadcast_to(np.pad(value, lacking), (len(rows), len(matrix) + lacking[1]))
        for name, value in columns.items()
    }
    return finish(config.linear, np.pad(sums, ((0, 0), lacking)), **scale)[:, : len(matrix)]


def activate(config: VitCoreConfig, rows: Ints) -> Ints:
    """Saturate to 8 bits, apply the activation."""
    return activation(config.activation, clip(rows, 8))


def normalise(config: VitCoreConfig, x: Ints, number: int) -> Ints:
    """Normalise rows with the constants of a pass."""
    lanes = config.lanes
    beats = len(x) * config.features // lanes
    row = config.features // lanes
    constants = {"weight": config.gains, "bias": config.biases} if config.norm.has_bias else {"weight": config.gains}
    affine = {
        name: np.tile(unpack_rows(rows[number : number + 1], NORM_DIGITS).reshape(-1, lanes), (len(x), 1))
        for name, rows in constants.items()
    }
    last = (np.arange(beats) % row == row - 1).astype(np.int64)
    found = norm(config.norm, {"i": {"x": x.reshape(-1, lanes), "last": last}, "i_weight": affine})
    return found["o"]["q"].reshape(x.shape)


def attend(config: VitCoreConfig, qkv: Ints, layer: int) -> Ints:
    """Attend within the image."""
    unit = config.attention
    parts = np.split(qkv, 3, axis=1)
    last = np.tile(np.arange(unit.words) == unit.words - 1, config.tokens).astype(np.int64)
    inputs: dict[str, Beats] = {
        port: {"x": part.reshape(-1, unit.lanes), "last": last}
        for port, part in zip(("i_q", "i_k", "i_v"), parts, strict=True)
    }
    names = [item.name for item in unit.inputs[3].fields]
    inputs["i_scale"] = {
        name: np.array([value]) for name, value in zip(names, config.attention_scales[layer], strict=True)
    }
    return attention(unit, inputs)["o"]["y"].reshape(config.tokens, -1)


def images(config: VitCoreConfig, beats: Beats) -> Iterator[tuple[int, Ints]]:
    """Give task and pixels of every good packet."""
    for span in packets(beats):
        if beats["good"][span.stop - 1]:
            octets = beats["data"][span]
            task = int(octets[0] & 0xFF)
            yield task if task < config.tasks else 0, octets[1:].reshape(config.channels, config.height, config.width)


def constants(config: VitCoreConfig) -> Provide:
    """Provide the matrices that the config holds."""
    known = {matrix: number for number, matrix in enumerate(config.matrices)}
    return lambda matrix: (unpack_matrix(config, known[matrix]), unpack_columns(config, known[matrix]))


def streamed(config: VitCoreConfig, inputs: dict[str, Beats]) -> Provide:
    """Provide matrices off the streams, in order."""
    at = {"i_w": 0, "i_param": 0}

    def provide(matrix: Matrix) -> Layer:
        kind = matrix.kind
        beats, params = config.beats(kind), config.param_beats(kind)
        codes = inputs["i_w"]["code"][at["i_w"] : at["i_w"] + beats]
        full = matrix_of(config.linear, codes, config.blocks(kind))
        outputs = config.outputs_of(kind)
        columns = {
            name: inputs["i_param"][name][at["i_param"] : at["i_param"] + params].ravel()[:outputs]
            for name in ("bias", "multiplier", "shift")
        }
        at["i_w"], at["i_param"] = at["i_w"] + beats, at["i_param"] + params
        return full[:outputs, : config.inputs_of(kind)], columns

    return provide


def answers(config: VitCoreConfig, inputs: dict[str, Beats]) -> list[tuple[int, Answer]]:
    """Answer every image; give its task as well."""
    provide = constants(config) if config.store == "constant" else streamed(config, inputs)
    return [(task, infer(config, image, task, provide)) for task, image in images(config, inputs["i"])]


def golden(config: VitCoreConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Reply to every good image: scores, routes, cycles."""
    found = answers(config, inputs)
    cycles = run_cycles(config, inputs["i"], [(task, answer.used) for task, answer in found])
    replies, fetched = [], []
    known = {matrix: number for number, matrix in enumerate(config.matrices)}
    for (task, answer), count in zip(found, cycles, strict=True):
        octets = answer.scores.astype(f"<i{CLASS_BYTES}").tobytes() + answer.routes.astype(np.uint8).tobytes()
        replies.append(octets + count.to_bytes(COUNT_BYTES, "little")[: config.count_bytes])
        fetched += [known[matrix] for matrix, _ in passes(config, answer.used, task)]
    ends = [np.arange(len(reply)) == len(reply) - 1 for reply in replies]
    data = np.frombuffer(b"".join(replies), np.int8).astype(np.int64)
    outputs = {"o": {"data": data, "last": np.concatenate([np.zeros(0), *ends]).astype(np.int64)}}
    if config.store == "streamed":
        outputs["o_fetch"] = {"matrix": np.array(fetched, np.int64)}
    return outputs
