# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The rules as arrays that a kernel can look into, and that processes can share through a file."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from codecommons.annotate.notices import rules
from codecommons.annotate.notices.words import Splitter, Words
from codecommons.compiled import compiled
from codecommons.lake.stages import digest

FORMAT = 4
MOST_WORDS = 1 << 18
EXACT = 4  # words of the prefix by which a rule is looked up; shorter rules are looked up whole
GRAM = 3  # words of the n-grams by which a changed text is recognised
# A changed text needs this share of a rule's n-grams in one place, and this many of them.
LEAST_SHARE = 0.8
LEAST_GRAMS = 8
# A shorter rule must match word for word. At 20, one-line notices of icon fonts (18 words, a version among them) were lost.
LEAST_CHANGED = 16
VOCABULARY_BITS = 20
PAIR_BITS = 17
GRAM_BITS = 23
Ints = NDArray[np.int32]

BASE = np.uint64(0x9E3779B97F4A7C15)


class Index(NamedTuple):
    """Everything about the rules that matching needs: arrays by name, which a kernel takes as one argument.

    Rules are numbered; of several with the same words the first counts.

    Attributes:
        expressions: UTF-8 of all expressions, in order of the rules, and ``expression_ends``.
        kinds: per rule, place in ``rules.KINDS``; ``relevance`` in percent; ``coverage`` least coverage in percent;
            ``lengths`` in words; ``hashes`` of all its words.
        prefix_keys: open-addressing table of the hashes of the first ``EXACT`` words (fewer for shorter rules);
            ``prefix_first`` and ``prefix_last`` bound the rules in ``by_prefix``, longest first.
        gram_keys: open-addressing table of n-grams, which is larger than what a processor has at hand; ``gram_bits``, which is
            not, has a set bit for each but the hash's last.
        grams: per rule, distinct n-grams; 0 for rules that must match exactly.
        gram_ends: per rule, where its n-grams end in ``rule_grams``: their slots in the table, those of the fewest rules first.
        rare_first: per slot; with ``rare_last`` it bounds the rules in ``by_rare`` that have this n-gram among so many of their
            rarest that a content with none of these can't have enough of the rule.
        vocabulary: a set bit for every word of any rule (see ``in_bits``).
        alone: a set bit for every word that is a rule; ``pairs`` for the first two words of every other.
    """

    expressions: NDArray[np.uint8]
    expression_ends: NDArray[np.int64]
    kinds: NDArray[np.int8]
    relevance: NDArray[np.int16]
    coverage: NDArray[np.int16]
    lengths: Ints
    hashes: Words
    prefix_keys: Words
    prefix_first: Ints
    prefix_last: Ints
    by_prefix: Ints
    gram_keys: Words
    gram_bits: NDArray[np.uint8]
    grams: Ints
    gram_ends: NDArray[np.int64]
    rule_grams: Ints
    rare_first: Ints
    rare_last: Ints
    by_rare: Ints
    vocabulary: NDArray[np.uint8]
    alone: NDArray[np.uint8]
    pairs: NDArray[np.uint8]

    def expression(self, rule: int) -> str:
        """The SPDX expression of a rule; empty for a false positive."""
        start = int(self.expression_ends[rule - 1]) if rule else 0
        return self.expressions[start : int(self.expression_ends[rule])].tobytes().decode()


_folder: Path | None = None


def prepare(folder: Path) -> None:
    """Say where the index may be kept when it can't be kept with the compiled code, and load it.

    Args:
        folder: for derived data, such as ``Settings.cache``.
    """
    global _folder
    _folder = folder
    load()


@lru_cache(1)
def load() -> Index:
    """The index of the installed rules, as a file that processes share; it is built once per installation (some seconds)."""
    made_of = [FORMAT, version(rules.DISTRIBUTION), EXACT, GRAM, LEAST_CHANGED, LEAST_SHARE, LEAST_GRAMS, PAIR_BITS, GRAM_BITS]
    name = f"notices-{digest([*made_of, *Index._fields])}"
    compiled = Path(__file__).parent / "__pycache__"
    homes = [compiled / name, *([_folder / name] if _folder else [])]
    home = next((home for home in homes if home.is_dir()), None)
    if home is None:
        index = build(list(rules.read()))
        home = next((home for home in homes if _save(index, home)), None)
        if home is None:
            return index
    return Index(*(np.asarray(np.load(home / f"{name}.npy", mmap_mode="r")) for name in Index._fields))


def _save(index: Index, home: Path) -> bool:
    """Write all arrays, then give the folder its name: it is there whole or not at all. False where nothing can be written."""
    parts = home.with_name(f"{home.name}.{uuid.uuid4().hex}")
    try:
        parts.mkdir(parents=True)
        for name, array in index._asdict().items():
            np.save(parts / f"{name}.npy", array)
        parts.replace(home)
    except OSError:
        return home.is_dir()  # another process was faster, or the folder can't be written
    finally:
        shutil.rmtree(parts, ignore_errors=True)
    return True


def build(known: Sequence[rules.Rule]) -> Index:
    """Index some rules."""
    splitter = Splitter(MOST_WORDS)
    words = [splitter.words(rule.text.encode())[0].copy() for rule in known]
    hashes = np.array([sequence_hash(word) for word in words], np.uint64)
    _, first = np.unique(hashes, return_index=True)
    kept = [at for at in np.sort(first) if len(words[at])]
    known, words, hashes = [known[at] for at in kept], [words[at] for at in kept], hashes[kept]
    lengths = np.array([len(word) for word in words], np.int32)

    prefixes = np.array([sequence_hash(word[:EXACT]) for word in words], np.uint64)
    by_prefix = np.lexsort((-lengths, prefixes)).astype(np.int32)
    prefix_table = _table(prefixes[by_prefix])

    fuzzy = [
        at
        for at, rule in enumerate(known)
        if lengths[at] >= LEAST_CHANGED and rule.kind != "false_positive" and rule.coverage < 100
    ]
    of_rule = [np.unique(gram_hashes(words[at], GRAM)) for at in fuzzy]
    grams = np.zeros(len(known), np.int32)
    grams[fuzzy] = [len(found) for found in of_rule]
    all_grams = np.concatenate(of_rule) if of_rule else np.empty(0, np.uint64)
    of_rule.clear()  # some 40 MB, as each of the next lines needs
    owners = np.repeat(np.array(fuzzy, np.int32), grams[fuzzy])
    coverage = np.array([rule.coverage for rule in known], np.int16)
    of_grams = _grams(all_grams, owners, grams, coverage)

    seconds = np.array([word[1] for word in words if len(word) > 1], np.uint64)
    expressions = [rule.expression.encode() for rule in known]
    return Index(
        np.frombuffer(b"".join(expressions), np.uint8),
        np.cumsum([len(expression) for expression in expressions]).astype(np.int64),
        np.array([rules.KINDS.index(rule.kind) for rule in known], np.int8),
        np.array([rule.relevance for rule in known], np.int16),
        coverage,
        lengths,
        hashes,
        *prefix_table,
        by_prefix,
        **of_grams,
        vocabulary=_bits(np.concatenate([*words, np.empty(0, np.uint64)]), VOCABULARY_BITS),
        alone=_bits(np.array([word[0] for word in words if len(word) == 1], np.uint64), VOCABULARY_BITS),
        pairs=_bits(np.array([word[0] for word in words if len(word) > 1], np.uint64) * BASE + seconds, PAIR_BITS),
    )


def _grams(hashes: Words, owners: Ints, grams: Ints, coverage: NDArray[np.int16]) -> dict[str, NDArray[Any]]:
    """The arrays of ``Index`` from ``gram_keys`` to ``by_rare``, of n-grams and the rules that have them.

    Of a rule's n-grams so many may be missing; one more than that, the rarest, can't all be (prefix filtering: Chaudhuri, Ganti
    and Kaushik, "A primitive operator for similarity joins in data cleaning", 2006).
    """
    keys, firsts, lasts = _table(np.sort(hashes))
    slots = _slots_of(keys, hashes)
    rules = lasts - firsts
    order = np.lexsort((slots, rules[slots], owners))
    slots, owners = slots[order], owners[order]
    ends = np.cumsum(grams, dtype=np.int64)
    needed = np.maximum(LEAST_GRAMS, (np.maximum(LEAST_SHARE, coverage / 100) * grams).astype(np.int64))
    rank = np.arange(len(slots)) - (ends - grams)[owners]
    rare = rank <= (grams - needed)[owners]
    slots_of_rare, by_rare = slots[rare], owners[rare]
    order = np.argsort(slots_of_rare, kind="stable")
    bounds = np.searchsorted(slots_of_rare[order], np.arange(len(keys) + 1)).astype(np.int32)
    return {
        "gram_keys": keys,
        "gram_bits": _bits(hashes >> np.uint64(1), GRAM_BITS),
        "grams": grams,
        "gram_ends": ends,
        "rule_grams": slots,
        "rare_first": bounds[:-1].copy(),
        "rare_last": bounds[1:].copy(),
        "by_rare": by_rare[order],
    }


@compiled()
def _slots_of(keys: Words, wanted: Words) -> Ints:
    out = np.empty(len(wanted), np.int32)
    for at in range(len(wanted)):
        out[at] = probe(keys, wanted[at])
    return out


def _bits(hashes: Words, size: int) -> NDArray[np.uint8]:
    bits = np.zeros(1 << size, np.bool_)
    bits[hashes & np.uint64((1 << size) - 1)] = True
    return np.packbits(bits, bitorder="little")


@compiled(inline="always")
def in_bits(bits: NDArray[np.uint8], value: np.uint64) -> bool:
    """Whether a hash may be among those that bits were set for: most of code's are not, and need no look into large tables."""
    place = value & np.uint64(8 * len(bits) - 1)
    return bool((bits[place >> np.uint64(3)] >> (place & np.uint64(7))) & np.uint64(1))


def _table(keys: Words) -> tuple[Words, Ints, Ints]:
    """An open-addressing table over sorted keys: key -> first and last place (half open). Key 0 means empty."""
    first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: len(keys)])
    last = np.append(first[1:], len(keys))
    distinct = keys[first]
    size = 1 << max(4, int(len(distinct) * 2 - 1).bit_length())
    table = np.zeros(size, np.uint64), np.zeros(size, np.int32), np.zeros(size, np.int32)
    _fill(*table, distinct, first.astype(np.int32), last.astype(np.int32))
    return table


@compiled()
def _fill(keys: Words, firsts: Ints, lasts: Ints, distinct: Words, first: Ints, last: Ints) -> None:
    mask = np.uint64(len(keys) - 1)
    for at in range(len(distinct)):
        slot = distinct[at] & mask
        while keys[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        keys[slot] = distinct[at]
        firsts[slot] = first[at]
        lasts[slot] = last[at]


@compiled(inline="always")
def probe(keys: Words, key: np.uint64) -> np.int64:
    """The slot of a key in an open-addressing table, -1 when it is not there."""
    mask = np.uint64(len(keys) - 1)
    slot = key & mask
    while keys[slot] != 0:
        if keys[slot] == key:
            return np.int64(slot)
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1)


@compiled()
def sequence_hash(words: Words) -> np.uint64:
    """A polynomial over word hashes, so that the hash of any part comes from two prefix sums (see ``prefix_sums``)."""
    value = np.uint64(0)
    for word in words:
        value = value * BASE + word
    return value | np.uint64(1)


@compiled()
def prefix_sums(words: Words) -> tuple[Words, Words]:
    """Sums and powers of the polynomial: the hash of words[a:b] is ``sums[b] - sums[a] * powers[b - a]``, its last bit set."""
    sums = np.empty(len(words) + 1, np.uint64)
    powers = np.empty(len(words) + 1, np.uint64)
    sums[0] = np.uint64(0)
    powers[0] = np.uint64(1)
    for at in range(len(words)):
        sums[at + 1] = sums[at] * BASE + words[at]
        powers[at + 1] = powers[at] * BASE
    return sums, powers


@compiled()
def gram_hashes(words: Words, size: int) -> Words:
    """The hash of every run of ``size`` words."""
    out = np.empty(max(0, len(words) - size + 1), np.uint64)
    for at in range(len(out)):
        out[at] = sequence_hash(words[at : at + size])
    return out
