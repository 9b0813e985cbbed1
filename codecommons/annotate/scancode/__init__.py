# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""ScanCode as a second opinion about licences, for those who ask for it.

Belongs here: what of a content ScanCode is asked about (``passages``), asking each distinct passage once and for all (``client``)
and what runs inside ScanCode's own interpreter (``worker``). Does not belong here: what we find ourselves (``notices``).

ScanCode lives in an environment of its own, which ``CODECOMMONS_SCANCODE`` names. In ours it would write its rules over those
that ``notices`` matches against (both packages put them at the same place), and it is 1.4 GB.
"""
