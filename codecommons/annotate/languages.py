# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which languages there are: those that linguist knows, as enry has them."""

from __future__ import annotations

import string
from functools import cache
from itertools import product


def is_language(name: str) -> bool:
    """Whether the annotator ``language`` can say this name, spelled so."""
    import enry

    return bool(enry.get_language_type(name) != "unknown")


@cache
def some_languages() -> frozenset[str]:
    """Most names there are, to suggest one: enry has no list of them, so extensions are tried, and those of what they name."""
    import enry

    signs = string.ascii_lowercase + string.digits
    todo = [f".{''.join(some)}" for length in (1, 2, 3) for some in product(signs, repeat=length)]
    names: set[str] = set()
    while todo:
        new = {name for extension in todo for name in enry.get_languages(f"x{extension}", b"")} - names
        names |= new
        todo = [extension for name in sorted(new) for extension in enry.get_language_extensions(name)]
    return frozenset(names)
