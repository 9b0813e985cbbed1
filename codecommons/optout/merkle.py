# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Sorted Merkle trees: a root that stands for a set of texts, and short proofs that a text is not in it.

Leaves are the distinct texts in byte order; hashes are those of RFC 6962 (leaf: sha256 of 0x00 and the text; node: sha256 of
0x01 and both children). The root commits to the number of leaves as well: sha256 of 0x02, the number (8 bytes, big-endian) and
the top node. That a text is absent shows in two neighbours, one before and one after it, at adjacent places.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any


class Tree:
    """The tree over a set of texts."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Texts may come in any order and more than once."""
        self.leaves = sorted({text.encode() for text in texts})
        self._levels = [[_leaf(one) for one in self.leaves]]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            above = [_node(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
            self._levels.append(above + below[len(above) * 2 :])

    @property
    def root(self) -> str:
        """64 hex digits; an empty set has one as well."""
        top = self._levels[-1][0] if self.leaves else b""
        return _sealed(len(self.leaves), top)

    def to_mapping(self) -> dict[str, Any]:
        """Root and number of leaves, as a release states them."""
        return {"root": self.root, "leaves": len(self.leaves)}

    def holds(self, text: str, exact: bool = False) -> bool:
        """Whether a text of the set begins so, or is exactly so."""
        return self._meets(bisect_left(self.leaves, text.encode()), text.encode(), exact)

    def _meets(self, at: int, text: bytes, exact: bool) -> bool:
        return at < len(self.leaves) and (self.leaves[at] == text if exact else self.leaves[at].startswith(text))

    def absence(self, text: str, exact: bool = False) -> dict[str, Any]:
        """A proof, for ``absent``, that no text of the set begins so, or is exactly so.

        Raises:
            ValueError: one does.
        """
        at = bisect_left(self.leaves, text.encode())
        if self._meets(at, text.encode(), exact):
            raise ValueError(f"the set has {text!r}")
        return {
            "text": text,
            "exact": exact,
            "before": self._membership(at - 1) if at else None,
            "after": self._membership(at) if at < len(self.leaves) else None,
        }

    def _membership(self, at: int) -> dict[str, Any]:
        path, index = [], at
        for level in self._levels[:-1]:
            other = index ^ 1
            if other < len(level):
                path.append(level[other].hex())
            index //= 2
        return {"text": self.leaves[at].decode(), "index": at, "path": path}


def absent(root: str, leaves: int, proof: dict[str, Any]) -> bool:
    """Whether a proof shows that no text of a set is, or unless ``exact`` begins with, ``proof["text"]``.

    Args:
        root: of the set, 64 hex digits.
        leaves: how many texts it has.
        proof: what ``Tree.absence`` made; anything else is no proof.
    """
    try:
        asked, exact, before, after = proof["text"].encode(), proof["exact"], proof["before"], proof["after"]
        if not asked or type(exact) is not bool:
            return False
        if leaves == 0:
            return before is None and after is None and root == _sealed(0, b"")
        if before is not None and not (before["text"].encode() < asked and _is_member(root, leaves, before)):
            return False
        if after is not None:
            text = after["text"].encode()
            if not (text > asked and (exact or not text.startswith(asked)) and _is_member(root, leaves, after)):
                return False
        first = -1 if before is None else before["index"]
        last = leaves if after is None else after["index"]
        return bool(last == first + 1)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return False


def _is_member(root: str, leaves: int, member: dict[str, Any]) -> bool:
    index, width, path = member["index"], leaves, [bytes.fromhex(one) for one in member["path"]]
    if type(index) is not int or not 0 <= index < leaves:
        return False
    node, used = _leaf(member["text"].encode()), 0
    while width > 1:
        if index ^ 1 < width:
            if used == len(path):
                return False
            node = _node(path[used], node) if index & 1 else _node(node, path[used])
            used += 1
        index, width = index // 2, (width + 1) // 2
    return used == len(path) and root == _sealed(leaves, node)


def _leaf(text: bytes) -> bytes:
    return hashlib.sha256(b"\0" + text).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def _sealed(leaves: int, top: bytes) -> str:
    return hashlib.sha256(b"\2" + leaves.to_bytes(8) + top).hexdigest()


def roots(swhids: Sequence[str], origins: Sequence[str]) -> dict[str, Any]:
    """What a release states: the roots over its contents' core SWHIDs and over its origins' URLs."""
    return {"swhids": Tree(swhids).to_mapping(), "origins": Tree(origins).to_mapping()}
