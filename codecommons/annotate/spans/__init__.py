# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Secrets and personal data in bytes, by rules that are data.

Belongs here: the rules (``secrets.yaml``, ``personal_data.yaml``; ``rules`` reads them), how they are looked for in one content
(``finder``), and what tells a false alarm (``filters``).
Does not belong here: what becomes of a span. Whether a text is redacted or a file left out is said by a dataset (``datasets``).
"""

from codecommons.annotate.spans.finder import FIELDS, MOST_SPANS, annotate, compiled, configuration
from codecommons.annotate.spans.rules import NAMES, kinds, read

__all__ = ["FIELDS", "MOST_SPANS", "NAMES", "annotate", "compiled", "configuration", "kinds", "read"]
