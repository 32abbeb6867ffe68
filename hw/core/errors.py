# SPDX-License-Identifier: BSD-2-Clause
"""Errors that a user can cause. Each carries one line: the rule, then the value, then the fix."""


class GatewrightError(Exception):
    """Root of all errors that the command line prints as one line; exit status 2."""


class ConfigError(GatewrightError, ValueError):
    """A parameter breaks a rule."""


class ModelError(GatewrightError, ValueError):
    """A model file can't be imported or mapped."""


class ToolError(GatewrightError, RuntimeError):
    """An external tool is missing or failed."""


class BoardError(GatewrightError, ValueError):
    """A board is unknown, or does not match the design or bitstream."""


class LinkError(GatewrightError, RuntimeError):
    """The byte link to an accelerator broke its protocol or fell silent."""


class VerificationError(GatewrightError, AssertionError):
    """Hardware and golden model differ."""
