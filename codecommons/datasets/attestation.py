# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""attestation.dsse.json: who made a release says so, over every file of it; its fingerprint is the same whoever signs.

A DSSE envelope around an in-toto statement. Its subjects are all other files of the release, ``fingerprint.json`` among them; its
predicate, of type ``PREDICATE``, is what the fingerprint is made of: dataset, as_of, fingerprint, inputs, inputs_digest, and of
the result digest, rows, text_bytes and merkle. It is signed with the key of receipts (``optout.signing``), and tells no time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codecommons.datasets.releases import ATTESTATION, MARKER, files_of, marker
from codecommons.lake import Lake
from codecommons.optout.check import STATEMENT, RefusedError, opened, signer
from codecommons.optout.signing import known_keys, sealed, signing_key

PREDICATE = "urn:codecommons:release:1"


@dataclass(frozen=True)
class Attested:
    """What was found of an attestation.

    Attributes:
        signature: what became of its signature, as a sentence.
        problems: file of the release -> what is wrong; none means that it holds.
    """

    signature: str
    problems: Mapping[str, str]


def attestation(lake: Lake, document: dict[str, Any]) -> bytes:
    """The signed envelope of a release.

    Args:
        lake: the lake, in whose home the key is.
        document: what becomes ``fingerprint.json``.

    Raises:
        UsageError: the key is none.
        LakeError: it can't be read or written.
    """
    return sealed(signing_key(lake.settings), _statement(document))


def _statement(document: dict[str, Any]) -> dict[str, Any]:
    digests = files_of(document) | {MARKER: marker(document)[1]}
    result = document["result"]
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in sorted(digests.items())],
        "predicateType": PREDICATE,
        "predicate": {
            "dataset": document["name"],
            "as_of": document["inputs"]["as_of"],
            **{name: document[name] for name in ("fingerprint", "inputs", "inputs_digest")},
            "result": {name: result[name] for name in ("digest", "rows", "text_bytes", "merkle")},
        },
    }


def check(lake: Lake, envelope: bytes, document: dict[str, Any], digests: Mapping[str, str]) -> Attested:
    """Look at a release's attestation.

    Args:
        lake: the lake; the keys in its home are those that are trusted.
        envelope: the bytes of ``attestation.dsse.json``.
        document: the release's ``fingerprint.json``.
        digests: file of the release -> its sha256, as it is now.
    """
    keys = known_keys(lake.settings)
    try:
        by = signer(envelope)
        if keys and by not in keys:
            where = lake.settings.home / "keys"
            return _refused(f"it was signed with another key ({by[:12]}…) than those in {where}/*.pub.pem")
        statement = opened(envelope, keys.get(by))
        stated = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
        wrong = {name: "its sha256 is not the one in the attestation" for name in digests if stated.get(name) != digests[name]}
        if {**statement, "subject": None} != {**_statement(document), "subject": None}:
            wrong[ATTESTATION] = "it states something else than fingerprint.json"
    except RefusedError as error:
        return _refused(str(error))
    except (KeyError, TypeError, AttributeError):
        return _refused("it lacks something that an attestation has")
    unchecked = f"not checked: there is no key in {lake.settings.home / 'keys'}, and CODECOMMONS_SIGNING_KEY names none"
    return Attested(f"signed with key {by[:12]}…" if keys else unchecked, wrong)


def _refused(why: str) -> Attested:
    return Attested("refused", {ATTESTATION: why})
