# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Faults, tried for real: what a lake comes to when processes are killed, storage fails, files rot and clocks are wrong.

Every try begins with an empty lake, disturbs the way of a small slice through all stages and into a dataset, lets somebody run it
again, and compares every row of every table, and every byte of the release, with those of a lake that nobody disturbed.
``python -m benchmarks.faults`` tries all of them and writes docs/faults.md; tests try some of each with seeds of their own.
"""
