# SPDX-License-Identifier: BSD-2-Clause
"""Map an imported language model to the accelerator for small parts: parameters, and words for its flash."""

from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gatewright.gen.flow.synth import SynthOptions
from gatewright.gen.model.lm_graph import LmGraph
from gatewright.gen.model.map_files import model_files
from gatewright.gen.model.map_ternary_lm import LmSettings, core_values, graph_of, model_of
from gatewright.gen.model.map_ternary_lm import Settings as EngineSettings
from gatewright.hw.accel.lm_core.config import LmCoreConfig
from gatewright.hw.accel.lm_core.shape import NetworkConfig
from gatewright.hw.accel.lm_serial.config import LmSerialConfig
from gatewright.hw.accel.lm_serial.image import image
from gatewright.hw.accel.small_lm.config import SmallLmConfig
from gatewright.hw.core.config import integer
from gatewright.hw.memory.flash_boot.image import FlashImage
from gatewright.hw.memory.flash_boot.image import flash_image as in_flash


class Settings(LmSettings):
    """What a user's file sets for the room `small_lm`."""

    room: ClassVar[str] = "small_lm"

    model: str = Field(
        "kjv_mqa.safetensors",
        description="Weights; its configuration has the same name with .json. A path relative to this file.",
    )
    context: int = integer(0, 0, 4096, unit="tokens", doc="Tokens that the cache holds; 0: the model's context.")
    request_tokens: int = integer(16, 1, 255, unit="tokens", doc="Room for tokens in a request.")
    flash_offset: int = integer(0x100000, 0, (1 << 24) - 256, unit="bytes", doc="Where the model lies in the flash.")


def map_settings(settings: Settings, folder: Path) -> tuple[SmallLmConfig, dict[str, bytes]]:
    """Import the model and take its sizes and formats; its constants go into the flash.

    Raises
    ------
    ModelError, ConfigError
        One line naming the file, the tensor or the parameter.
    """
    path, assets, identity = model_files(settings, folder)
    engine = _for_engine(settings, graph_of(path))
    network = {name: getattr(engine, name) for name in NetworkConfig.model_fields}
    core = LmSerialConfig(**network, request_tokens=settings.request_tokens)
    config = SmallLmConfig(
        clock_hz=settings.clock_hz, baud=settings.baud, design_id=identity, core=core,
        flash_offset=settings.flash_offset,
    )  # fmt: skip
    return config, assets


def flash_image(config: SmallLmConfig, settings: Settings, folder: Path) -> FlashImage:
    """Give what the board's flash must hold."""
    return in_flash(config.boot, words_of(settings, folder))


def words_of(settings: Settings, folder: Path) -> NDArray[np.uint16]:
    """Give the model's constants as the core loads them."""
    return image(_for_engine(settings, model_of(settings, folder)))


def _for_engine(settings: Settings, graph: LmGraph) -> LmCoreConfig:
    """Give the model as the other core would hold it, a pair of outputs a cycle."""
    engine = EngineSettings(
        model=settings.model, context=settings.context, request_tokens=settings.request_tokens, inputs_per_cycle=2,
        outputs_per_cycle=2, group=1, packing="engine", parallel=1, logic_products=0,
    )  # fmt: skip
    return LmCoreConfig(**core_values(engine, graph))


def synthesis(config: SmallLmConfig, family: str) -> SynthOptions:
    """Name the synthesis options that suit the accelerator.

    ``rw_check`` may be off: no memory here is read in the cycle in which the same word is written, or what is read
    then is not used.
    """
    ecp5 = family == "ecp5"
    return SynthOptions(rw_check=False, carry_luts=ecp5, wide_luts=not ecp5, spram=family == "ice40")
