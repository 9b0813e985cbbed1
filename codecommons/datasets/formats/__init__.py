# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The formats of shards, one file each: a module here, or in ``formats/`` of a plug-in folder, that defines ``FORMAT``.

Belongs here: how rows become bytes, are known again, and are read back. Does not belong here: which rows a shard has and what
their texts are (``shards``), and tokenizers themselves (``tokenizer``).
"""
