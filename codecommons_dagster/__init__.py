# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Dagster's code location and the command line.

Belongs here: putting assets, checks, resources and jobs together (``build``), the persistent instance and recorded runs
(``instance``), the command line (``cli``, with a module for each of its groups and ``terminal`` for what they share), and set-up.
Does not belong here: what a stage or a command does (``codecommons``), and anything imported by this file: the command line
starts in milliseconds because this costs nothing.
"""
