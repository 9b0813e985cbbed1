# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Opting out: who asked for what to be left out, what that reaches, and proofs that it is gone.

Belongs here: what may be asked (``requests``), where it comes in (``inbox``) and what becomes of it (``desk``), the append-only
ledger (``ledger``, its chain in ``chain``), where each request stands (``standing``), what shows that a claimant may ask
(``verification``, ``markers``), who they are (``claimants``, kept outside the lake), what a request reaches (``reach``), the
marts that lose it (``marts``), receipts (``receipts``, ``signing``, ``merkle``) and their verifier (``check``), what must not
be here at all (``takedown``), and a round through all of this (``rounds``).
Does not belong here: leaving rows out of a dataset and putting another copy in their place (``datasets``).

``check``, ``merkle`` and ``chain`` import nothing of the lake, so this module imports nothing either.
"""
