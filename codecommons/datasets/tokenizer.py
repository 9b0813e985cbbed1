# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Tokenizers: the user's, or one that is trained on a dataset's own texts; and texts to tokens.

Tokens with a meaning of their own never come from a text: what a file says of ``<|endoftext|>`` is made of the tokens of its
letters. They are put in by number, where a document ends or a file begins.

Sources: StarCoder 2 and The Stack v2 (Lozhkov et al. 2024), section 5: a byte-level BPE over single digits and GPT-2's pattern;
table 5 for the tokens.
"""

from __future__ import annotations

import multiprocessing
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from codecommons.datasets.tokens import STARCODER2, TOKENS
from codecommons.errors import UsageError
from codecommons.settings import Settings
from codecommons.strict import nearest

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Part of what decides a shard's bytes: raise it when the same tokenizer gives other tokens of the same text.
VERSION = 1
FILE = "tokenizer.json"
# What tokenizers call the end of a document, the first that is there.
ENDS = ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "[EOS]", "<|endofdocument|>")
# A longer text is cut behind a line, and its pieces are looked at one by one: a token takes a hundred bytes while it is made.
PIECE = 1 << 20
MOST_BYTES = 256 << 20
# Texts that one is trained on, those of smallest identifier. More of them make it slower and hardly better.
TRAINING_BYTES = 64 << 20
# No line that many files have becomes one token, and nothing that is there once.
_LONGEST, _RAREST = 32, 2


class Made(NamedTuple):
    """A tokenizer at work.

    Attributes:
        tokenizer: of the library; tokens with a meaning are broken up in texts.
        end: number of the token after a document.
        special: numbers of the tokens with a meaning of their own.
        type: of token numbers, little-endian: two bytes where they are enough.
    """

    tokenizer: Tokenizer
    end: int
    special: dict[str, int]
    type: np.dtype

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The tokens of each text."""
        found: list[list[np.ndarray]] = [[] for _ in texts]
        for batch in _batches((at, piece) for at, text in enumerate(texts) for piece in _pieces(text)):
            encoded = self.tokenizer.encode_batch_fast([piece for _, piece in batch], add_special_tokens=False)
            for (at, _), one in zip(batch, encoded, strict=True):
                found[at].append(np.array(one.ids, dtype=self.type))
        return [np.concatenate(pieces) for pieces in found]

    def encode_marked(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The tokens of each text, in which all that reads like a token of StarCoder 2 is one."""
        split = [_MARKS.split(text) for text in texts]
        plain = iter(self.encode([piece for pieces in split for piece in pieces[::2]]))
        return [
            np.concatenate([self.mark(piece) if at % 2 else next(plain) for at, piece in enumerate(pieces)]) for pieces in split
        ]

    def mark(self, token: str) -> np.ndarray:
        """A token with a meaning of its own."""
        return np.array([self.special[token]], self.type)


_MARKS = re.compile(f"({TOKENS['starcoder2'].pattern})")


def unmarked(text: str) -> list[str]:
    """What is between the tokens of StarCoder 2 in a text."""
    return _MARKS.split(text)[::2]


def library() -> Any:
    """The ``tokenizers`` library.

    Raises:
        UsageError: it is not installed.
    """
    if multiprocessing.parent_process() is not None:
        # A worker is one of as many as there are cores.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        import tokenizers
    except ImportError:
        raise UsageError(
            "format: kind tokens needs the tokenizers library; install it with pip install 'codecommons[tokens]'"
        ) from None
    return tokenizers


def named(settings: Settings, name: str) -> bytes:
    """The user's tokenizer of a name: that of its file, or of the folder of a ``tokenizer.json``.

    Raises:
        UsageError: there is none, or two; or it can't be read.
    """
    paths = [path / FILE if path.is_dir() else path for path in settings.tokenizers]
    known = [path.parent.name if path.name == FILE else path.stem for path in paths]
    if name not in known:
        missing = (
            nearest(name, known)
            if known
            else "CODECOMMONS_TOKENIZERS names none; it lists the files, such as /models/a/tokenizer.json"
        )
        raise UsageError(f"format: tokenizer is {name!r}; {missing}")
    if known.count(name) > 1:
        raise UsageError(f"CODECOMMONS_TOKENIZERS names two tokenizers {name}; rename one")
    return _content(paths[known.index(name)])


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"format: the tokenizer {path} has more than {MOST_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"format: the tokenizer {path} can't be read: {error.strerror}") from None


def trained(texts: Iterable[str], vocabulary: int, special: Sequence[str] = STARCODER2) -> bytes:
    """Train a byte-level BPE: the same for the same texts in any order.

    Args:
        texts: what it is trained on.
        vocabulary: how many tokens it has, at most.
        special: those with a meaning of their own.

    Returns:
        What ``tokenizer.json`` holds.
    """
    library()
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    single = pre_tokenizers.Digits(individual_digits=True)
    made.pre_tokenizer = pre_tokenizers.Sequence([single, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=_RAREST,
        max_token_length=_LONGEST,
        special_tokens=list(special),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator((piece for text in texts for piece in _pieces(text)), trainer)
    return made.to_str(pretty=True).encode()


@lru_cache(maxsize=2)
def made_from(content: bytes, end: str = "", needed: tuple[tuple[str, str], ...] = ()) -> Made:
    """Set a tokenizer to work.

    Args:
        content: of its file.
        end: the token after a document; empty for its usual one.
        needed: special tokens that it must have, each behind what of the specification wants it.

    Raises:
        UsageError: it is none, or has not the tokens that are needed.
    """
    library()
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_str(content.decode())
    except Exception as error:  # the library has no class of its own for it
        raise UsageError(f"format: the tokenizer can't be read by the tokenizers library: {error}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    special = {token.content: number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    chosen = [end] if end else [name for name in ENDS if name in special][:1]
    wanted = [*((f"end: {one}", one) for one in chosen), *needed]
    absent = next(((why, name) for why, name in wanted if name not in special), None)
    if not chosen:
        raise UsageError(f"format: the tokenizer has none of {', '.join(ENDS)} as a special token; name what it has with end")
    if absent:
        raise UsageError(f"format: {absent[0]} needs the special token {absent[1]}, which the tokenizer has not")
    largest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=0)
    return Made(tokenizer, special[chosen[0]], special, np.dtype("<u2" if largest < 1 << 16 else "<i4"))


def _pieces(text: str) -> Iterator[str]:
    at = 0
    while len(text) - at > PIECE:
        cut = text.rfind("\n", at, at + PIECE) + 1
        end = cut if cut > at else at + PIECE
        yield text[at:end]
        at = end
    yield text[at:]


def _batches(pieces: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Runs of pieces with at most ``PIECE`` characters together, unless one alone has as many."""
    batch, size = list[tuple[int, str]](), 0
    for at, piece in pieces:
        if batch and size + len(piece) > PIECE:
            yield batch
            batch, size = [], 0
        batch.append((at, piece))
        size += len(piece)
    if batch:
        yield batch
