# SPDX-License-Identifier: BSD-2-Clause
"""Turn packed codes of ternary weights into trits, and flag codes that stand for no weights."""
