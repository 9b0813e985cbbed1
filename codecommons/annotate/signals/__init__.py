# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What quality filters look at, as compiled passes over the bytes of many contents.

Belongs here: one module a kind of signal, each a function from offsets and bytes to one row of numbers per content, in time
linear in the content: characters (``characters``), encoded data (``encoded``), comments and strings (``syntaxes``, ``lines``),
words (``words``) and the text of HTML (``markup``). Does not belong here: thresholds, which are policies, and the table (the
annotator ``filter_signals``).
"""
