# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Dagster's code location and the command line.

Belongs here: putting assets, checks, resources and jobs together (``build``; ``definitions`` is what Dagster loads), jobs
(``jobs``, ``maintenance``) and what runs by itself (``schedules``, ``sensors``; ``environments`` says where); the persistent
instance and recorded runs (``instance``, ``sqlite``, ``launcher``, ``progress``), how long they are remembered (``history``) and
what of them is told to people (``alerts``); the command line (``cli`` with ``dataset_commands``, ``opt_out_commands`` and
``lake_commands``, which share ``lines`` and ``terminal``); and what make starts (``setup``, ``demo``, ``ui``).
Does not belong here: what a stage or a command does (``codecommons``), and anything imported by this file: the command line
starts in milliseconds because this costs nothing.
"""
