# SPDX-License-Identifier: BSD-2-Clause
"""Hold a stream room to its golden model over tens of thousands of beats, in the compiled simulation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gatewright.hw.core.errors import VerificationError
from gatewright.hw.core.ports import Beats, beat_count
from gatewright.tb.fast.streams import Run, StreamModel
from gatewright.tb.harness.bench import Inputs, StreamBench

# Chance per cycle that a source offers, that a sink takes. Slow ones let a room wait: what it keeps has to keep.
STALLS = ((1.0, 1.0), (0.5, 0.6), (0.15, 0.9), (0.9, 0.15))
FAULT = "mutant_select"


@dataclass(frozen=True)
class Play:
    """A stimulus, what it must give, and after how many cycles if nothing stalls."""

    kind: str
    inputs: Inputs
    outputs: dict[str, Beats]
    delay: int
    cycles: int


class Bulk:
    """A room's compiled model and its long plays.

    Parameters
    ----------
    bench : StreamBench
        Stimulus and golden model.
    config : RoomConfig
        The room's parameters.
    verilog, top : Path, str
        The emitted module; with ``faults``, one that carries them behind `FAULT`.
    folder : Path
        Where compiled models are kept.
    size : int
        Beats per play.
    seed : int
        Seed of the stimulus.
    faults : bool
        Whether the module has the fault selector.
    """

    def __init__(
        self, bench: StreamBench, config: Any, verilog: Path, top: str, folder: Path, size: int, seed: int = 1,
        faults: bool = False,
    ) -> None:  # fmt: skip
        self.config, self.seed, self.faults = config, seed, faults
        self.model = StreamModel(config, verilog, top, folder, (FAULT,) if faults else ())
        rng = np.random.default_rng([seed, size])
        self.plays = []
        for kind in ("random", "corners"):
            inputs = bench.stimulus(config, rng, kind, size)
            outputs = bench.golden(config, inputs)
            self.plays.append(Play(kind, inputs, outputs, config.delay(inputs), config.cycles(inputs)))

    @property
    def beats(self) -> int:
        """Input beats of one full pass."""
        return len(STALLS) * sum(beat_count(beats) for play in self.plays for beats in play.inputs.values())

    def failure(self, fault: int = 0) -> str | None:
        """Run every play with and without stalls; give the first broken promise, or None.

        Parameters
        ----------
        fault : int
            Number of the fault to switch on; 0 is the original.
        """
        for play in self.plays:
            for go_in, go_out in STALLS:
                broken = self._play(play, go_in, go_out, fault)
                if broken is not None:
                    how = "without stalls" if go_in == go_out == 1.0 else "with stalls"
                    return f"bulk {play.kind} data {how}: {broken}"
        return None

    def _play(self, play: Play, go_in: float, go_out: float, fault: int) -> str | None:
        self._select(0)
        self.model.reset()
        self._select(fault)
        want = {name: beat_count(beats) for name, beats in play.outputs.items()}
        limit = 500 + 4 * max(play.delay, self.config.quiet)
        try:
            run = self.model.run(
                play.inputs, want, limit=limit, go_in=go_in, go_out=go_out, seed=self.seed
            )
        except VerificationError as hung:
            return str(hung)
        return _wrong_value(run, play) or (_wrong_time(run, play) if go_in == go_out == 1.0 else None)

    def _select(self, fault: int) -> None:
        if self.faults:
            self.model.set_pin(FAULT, fault)


def _wrong_time(run: Run, play: Play) -> str | None:
    latency = run.first_out - run.first_in
    if latency != play.delay:
        return f"latency is {latency} cycles, promised {play.delay}"
    return f"took {run.span} cycles, promised {play.cycles}" if run.span != play.cycles else None


def _wrong_value(run: Run, play: Play) -> str | None:
    for port, fields in play.outputs.items():
        for name, expected in fields.items():
            wrong = np.argwhere(np.asarray(run.outputs[port][name] != expected))
            if len(wrong):
                at = tuple(wrong[0])
                return f"{port} beat {at[0]}: {name} is {run.outputs[port][name][at]}, expected {expected[at]}"
    return None
