# SPDX-License-Identifier: BSD-2-Clause
"""What ``bench nonlinear`` measures: one line per variant of a room."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.gen.bench.accuracy import Accuracy
from gatewright.gen.flow.synth import SynthOptions
from gatewright.hw.core.errors import ConfigError

SUBJECTS: Mapping[str, str] = {
    "exp": "exp",
    "function": "Elementary functions",
    "softmax": "Softmax",
    "gelu": "GELU",
    "activation": "Other activations and gated units",
    "norm": "Norms",
    "quantise": "Dynamic quantisation",
}

_DEFAULT = SynthOptions()


@dataclass(frozen=True, kw_only=True)
class Case:
    """One design to measure.

    Attributes
    ----------
    accuracy : callable
        From the config to its errors.
    latency : callable
        From the config to cycles.
    ice40 : bool
        Whether it is measured on iCE40 too.
    """

    subject: str
    title: str
    room: str
    parameters: Mapping[str, Any]
    accuracy: Callable[[Any], Accuracy | None]
    latency: Callable[[Any], int]
    options: SynthOptions = _DEFAULT
    ice40: bool = True
    ice40_options: SynthOptions = _DEFAULT


def cases(*subjects: str) -> list[Case]:
    """List the variants, by subject; all without names.

    Raises
    ------
    ConfigError
        If a subject is unknown.
    """
    for subject in subjects:
        if subject not in SUBJECTS:
            raise ConfigError(f"subject must be one of {', '.join(SUBJECTS)}, not {subject!r}")
    return [case for case in ALL if not subjects or case.subject in subjects]


ALL: tuple[Case, ...] = ()
