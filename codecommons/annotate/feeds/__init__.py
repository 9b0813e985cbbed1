# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the records of feeds say: each module is found by the name of its source and says what rows its records give.

Belongs here: one module a source with ``READER = Reader(…)``. Does not belong here: getting records (stage 1), and joining what
they say with origins, which views do.
"""
