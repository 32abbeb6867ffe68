# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the weight store."""

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.ports import Beats
from gatewright.hw.memory.weight_store.config import WeightStoreConfig


def golden(config: WeightStoreConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Load everything, then play; a command that no load precedes gives nothing."""
    words = np.zeros(config.depth, dtype=np.int64 if config.width < 64 else object)
    play = inputs["i_play"]
    if config.source == "constant":
        words[: len(config.contents)] = config.contents
    else:
        load = inputs["i_load"]
        words = load_words(config, words, load)
        if not len(load["last"]) or not load["last"][-1]:
            play = {name: column[:0] for name, column in play.items()}
    addresses, last = runs(play)
    return {"o": {"data": words[addresses % (1 << config.address_bits)], "last": last}}


def load_words(config: WeightStoreConfig, words: NDArray[np.int64], load: Beats) -> NDArray[np.int64]:
    """Write load beats over words, shape ``(depth,)``: column by column from word 0 on, afresh after each last."""
    columns = words[:, np.newaxis] >> (np.arange(config.columns) * config.load_bits)
    flat = (columns & ((1 << config.load_bits) - 1)).ravel()
    ends = np.flatnonzero(load["last"]) + 1
    for packet in np.split(load["data"], ends):
        flat[: len(packet)] = packet
    word = np.zeros_like(words)
    for index in range(config.columns):
        word += flat[index :: config.columns] << (index * config.load_bits)
    return word


def runs(play: Beats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the address of every word played, and whether it ends a row."""
    lengths = play["count"] * play["times"]
    owner = np.repeat(np.arange(len(lengths)), lengths)
    index = np.arange(int(lengths.sum())) - (np.cumsum(lengths) - lengths)[owner]
    last = (index + 1) % play["count"][owner] == 0
    return play["first"][owner] + index, last.astype(np.int64)
