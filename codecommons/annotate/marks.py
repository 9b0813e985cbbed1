# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The marks of StarCoder2's text forms, which what people wrote must not seem to have.

Source: StarCoder 2 and The Stack v2 (Lozhkov et al. 2024), table 5.
"""

from __future__ import annotations

import re

_MARK = re.compile(
    r"<(?=(?:\|endoftext\||fim_(?:prefix|middle|suffix|pad)|repo_name|file_sep|issue_(?:start|comment|closed)"
    r"|jupyter_(?:start|text|code|output|script)|empty_output|code_to_intermediate|intermediate_to_code|pr(?:_[a-z_]{1,40})?)>)"
)


def plain(text: str | None) -> str:
    """A text with a space put into each mark that is written in it, so that no reader takes it for one."""
    return _MARK.sub("< ", text or "")
