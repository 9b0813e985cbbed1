# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The formats of manifests: one file each, found by its name.

Belongs here: a ``FORMAT`` that turns the bytes of one kind of manifest into a ``Project``, by standard parsers, running nothing.
"""
