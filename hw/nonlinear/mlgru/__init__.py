# SPDX-License-Identifier: BSD-2-Clause
"""Linear recurrence of a MatMul-free token mixer: mix the state with a candidate, by forget gates with a bound."""
