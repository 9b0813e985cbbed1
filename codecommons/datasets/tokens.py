# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Tokens that mean something to a training format or a tokenizer: a source file that has one would be taken for it.

Sources: StarCoder 2 and The Stack v2 (Lozhkov et al. 2024), table 5; OctoPack (Muennighoff et al. 2024) for commits.
"""

from __future__ import annotations

import re

_STARCODER2 = """
fim_prefix fim_middle fim_suffix fim_pad repo_name file_sep issue_start issue_comment issue_closed jupyter_start jupyter_text
jupyter_code jupyter_output jupyter_script empty_output code_to_intermediate intermediate_to_code pr pr_status pr_is_merged
pr_base pr_file pr_base_code pr_diff pr_diff_hunk pr_comment pr_event_id pr_review pr_review_state pr_review_comment
pr_in_reply_to_review_id pr_in_reply_to_comment_id pr_diff_hunk_comment_line
"""

# The tokens of StarCoder 2, in the order of their table.
STARCODER2 = ("<|endoftext|>", *(f"<{name}>" for name in _STARCODER2.split()))
# Those of StarCoder and OctoPack for commits: the file before, the message, the file after.
COMMIT = ("<commit_before>", "<commit_msg>", "<commit_after>")
# What a specification may escape -> what is broken.
TOKENS = {
    "starcoder2": re.compile(rf"<(?:{'|'.join(_STARCODER2.split())}|\|endoftext\|)>"),
    # Most other models write theirs so: <|endoftext|>, <|im_start|>, <|fim_prefix|>.
    "bars": re.compile(r"<\|[A-Za-z0-9_]{1,40}\|>"),
}
