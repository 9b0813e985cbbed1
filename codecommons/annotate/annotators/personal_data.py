# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Personal data as spans: e-mail and IP addresses, telephone numbers, names in lines of copyright and authorship.

Only places are kept: names are in no table (design.md section 5). Names anywhere else, street addresses and identity numbers
are not looked for. Addresses of documentation and of machines (``example.com``, ``noreply@``, private networks) are no
personal data.
"""

from __future__ import annotations

from functools import partial

from codecommons.annotate import spans
from codecommons.annotate.annotator import Annotator

ANNOTATOR = Annotator(
    name="personal_data",
    description="Personal data in a content: e-mail and IP addresses, telephone numbers, names in headers, as byte offsets.",
    version=2,
    input="content",
    fields=spans.FIELDS,
    annotate=partial(spans.annotate, "personal_data"),
    tools=("hyperscan",),
    configuration=spans.configuration("personal_data"),
)
