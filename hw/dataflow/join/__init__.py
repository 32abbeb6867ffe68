# SPDX-License-Identifier: BSD-2-Clause
"""Put the beats of several streams side by side into one."""
