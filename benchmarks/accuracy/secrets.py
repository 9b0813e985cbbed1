# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Secrets and personal data: spans against the labels of samples.

The samples are CredSweeper's fixtures with the findings it expects (one tool's answers, not human truth) and sentences with
synthetic personal data from Presidio. Rules were tuned on one half of the samples, by the hash of a sample's name; what is
reported, and what the tests hold, is the other half. Wrong cases are told by sample and offset, never by value.
"""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.accuracy import Accuracy
from codecommons.annotate import spans

SECTION = "Secrets and personal data"

# CredSweeper's rules by what we call such a thing; those of services, of which there are many, are ``service``.
_KINDS = {
    "private-key": {
        "Age Secret Key", "BASE64 Private Key", "BASE64 encoded PEM Private Key", "JWK", "NKEY Seed", "PEM Private Key",
    },
    "json-web-token": {"JSON Web Token", "Azure Access Token"},
    "password": {"Password", "CMD Password", "URL Credentials", "CURL Options", "CMD ConvertTo-SecureString"},
    "by-its-name": {
        "API", "Auth", "Basic Authorization", "Bearer Authorization", "CMD Secret", "CMD Token", "Credential", "Key", "Secret",
        "Token",
    },
    # Names of things, and values that need not be kept: neither a hit nor a false alarm.
    "": {"AWS S3 Bucket", "Nonce", "Salt", "Tencent WeChat API App ID", "UUID"},
}  # fmt: skip
_PERSONAL = {"EMAIL_ADDRESS": "email", "IP_ADDRESS": "ip-address", "PHONE_NUMBER": "phone"}
SAMPLES, SENTENCES = "credsweeper_samples.jsonl.gz", "presidio_synth_pii.jsonl.gz"


class Place(NamedTuple):
    """A stretch of a sample, in bytes; a label whose kind is empty counts for nothing."""

    kind: str
    start: int
    end: int


class Sample(NamedTuple):
    """A content and what is in it."""

    name: str
    data: bytes
    labels: tuple[Place, ...]


@dataclass
class Score:
    """Of one kind: labels that were found and missed, spans that were right and wrong, labels found to the byte."""

    found: int = 0
    missed: int = 0
    right: int = 0
    wrong: int = 0
    exact: int = 0
    cases: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Share of labels that were found."""
        return self.found / max(1, self.found + self.missed)

    @property
    def precision(self) -> float:
        """Share of spans that touch a label."""
        return self.right / max(1, self.right + self.wrong)


def tuned_on(name: str) -> bool:
    """Whether a sample is of the half that rules were tuned on."""
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 0


def held_out(samples: Iterable[Sample]) -> Iterator[Sample]:
    """The other half."""
    return (sample for sample in samples if not tuned_on(sample.name))


def spans_of(rules: str) -> Callable[[Sample], Sequence[Place]]:
    """What our rules find in a sample; names apart, which are looked for in headers only."""
    finder = spans.compiled(rules)

    def find(sample: Sample) -> list[Place]:
        return [Place(span.kind, span.start, span.end) for span in finder.find(sample.data)[0] if span.kind != "name"]

    return find


def secret_samples(folder: Path) -> Iterator[Sample]:
    """The fixtures; labels of one value are one label, and so are the lines of a key in armour."""
    for row in _rows(folder / SAMPLES):
        text = row["text"]
        starts = list(itertools.accumulate((len(line) for line in text.splitlines(keepends=True)), initial=0))
        labels = []
        for finding in row["findings"]:
            if finding["value_start"] < 0:
                continue
            kind = next((kind for kind, rules in _KINDS.items() if finding["rule"] in rules), "service")
            start = len(text[: starts[finding["line_num"] - 1] + finding["value_start"]].encode())
            labels.append(Place(kind, start, start + len(finding["value"].encode())))
        yield Sample(row["id"], text.encode(), tuple(_merged(labels, text.encode())))


def personal_samples(folder: Path) -> Iterator[Sample]:
    """The sentences, with the labels of what we look for in them: not names, addresses, numbers of cards and accounts."""
    for row in _rows(folder / SENTENCES):
        text = row["text"]
        places = (
            Place(_PERSONAL[span["type"]], len(text[: span["start"]].encode()), len(text[: span["end"]].encode()))
            for span in row["spans"]
            if span["type"] in _PERSONAL
        )
        yield Sample(str(row["id"]), text.encode(), tuple(places))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path) as lines:
        yield from map(json.loads, lines)


def _merged(labels: list[Place], data: bytes) -> Iterator[Place]:
    order = ("private-key", "json-web-token", "service", "password", "by-its-name", "")
    last: Place | None = None
    for label in sorted(labels, key=lambda label: (label.start, label.end)):
        if last and _same(last, label, data):
            last = Place(min(last.kind, label.kind, key=order.index), last.start, max(last.end, label.end))
            continue
        if last:
            yield last
        last = label
    if last:
        yield last


def _same(one: Place, other: Place, data: bytes) -> bool:
    if other.start < one.end:
        return True
    begins = data[other.start :].startswith(b"-----BEGIN")
    return one.kind == other.kind == "private-key" and other.start - one.end < 40 and not begins


def score(samples: Iterable[Sample], find: Callable[[Sample], Sequence[Place]]) -> dict[str, Score]:
    """Compare answers with labels, by kind (of the label; of the span where there is no label), and ``all``.

    A label is found when spans cover half of it; a span is right when it touches a label.
    """
    scores: dict[str, Score] = {"all": Score()}
    for sample in samples:
        found = find(sample)
        for label in sample.labels:
            covered = sum(max(0, min(span.end, label.end) - max(span.start, label.start)) for span in found)
            if label.kind:
                for one in (scores.setdefault(label.kind, Score()), scores["all"]):
                    one.found += covered * 2 >= label.end - label.start
                    one.missed += covered * 2 < label.end - label.start
                    one.exact += any((span.start, span.end) == (label.start, label.end) for span in found)
                    if covered * 2 < label.end - label.start:
                        one.cases.append(f"missed {sample.name}:{label.start}")
        for span in found:
            touched = [label for label in sample.labels if span.start < label.end and label.start < span.end]
            for one in (scores.setdefault(touched[0].kind if touched else span.kind, Score()), scores["all"]):
                one.right += bool(touched)
                one.wrong += not touched
                if not touched:
                    one.cases.append(f"wrong {sample.name}:{span.start}")
    scores.pop("", None)
    return dict(sorted(scores.items()))


def measure(data: Path) -> list[Accuracy]:
    """Precision and recall per kind on the half that rules were not tuned on, and overall on the other half."""
    rows = []
    for what, samples, rules in (("secrets", secret_samples, "secrets"), ("personal data", personal_samples, "personal_data")):
        find, every = spans_of(rules), list(samples(data / "secrets"))
        for kind, one in score(held_out(every), find).items():
            if one.found + one.missed:
                rows.append(_row(f"{what}: {kind}", one, one.cases if kind == "all" else []))
        tuned = score((sample for sample in every if tuned_on(sample.name)), find)["all"]
        rows.append(_row(f"{what}: the half that rules were tuned on", tuned, []))
    return rows


def _row(name: str, one: Score, cases: list[str]) -> Accuracy:
    figures = {"recall": f"{one.recall:.3f}", "precision": f"{one.precision:.3f}", "to the byte": one.exact}
    return Accuracy(SECTION, name, one.found + one.missed, one.found, sorted(cases), figures)
