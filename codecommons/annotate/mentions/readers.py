# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which reader a document's layout has."""

from __future__ import annotations

from typing import Any

from codecommons.annotate.mentions import coar, softcite, tei
from codecommons.annotate.mentions.mention import Mention

_READERS = {"coar": coar.read, "softcite": softcite.read, "tei": tei.read}


def read(layout: str, record: dict[str, Any]) -> list[Mention]:
    """The mentions of a document, in its order.

    Args:
        layout: as column ``layout`` of table ``software_mention`` says.
        record: the document.

    Raises:
        ValueError: it can't be read as what it says it is.
    """
    return _READERS[layout](record)
