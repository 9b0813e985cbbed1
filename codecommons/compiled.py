# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Loops over bytes as machine code: Numba's ``njit``, whose result is kept on disk wherever that can be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(signature: Any = None, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function, and keep the machine code for the next process.

    Numba keeps it beside the module, or in the user's cache, or in the folder that ``NUMBA_CACHE_DIR`` names, and refuses to
    compile anything where none of them can be written, as in a container whose file system is read-only. There, each process
    compiles for itself.

    Args:
        signature: of the arguments, to compile when the module is imported; else at the first call.
        options: of ``njit``.
    """

    def compile_(function: Callable[..., Any]) -> Any:
        try:
            return njit(signature, cache=True, **options)(function)
        except (OSError, RuntimeError):  # the disk is full, "no locator available", or an error that comes again
            return njit(signature, **options)(function)

    return compile_
