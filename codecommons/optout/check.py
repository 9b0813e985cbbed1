# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A small, independent verifier of receipts: it needs the receipt and the published key, no lake and nothing that made either.

A receipt is a DSSE envelope around an in-toto statement. That it holds means: the key's owner signed it; each release's
fingerprint follows from the roots that are stated; for each text that is said to be absent, two neighbours under the root
leave no room; and all that the request is about is said to be absent, or to be there from elsewhere.
Every byte counts: what says the same in other bytes is refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from codecommons.optout.chain import canonical, digest_of
from codecommons.optout.merkle import absent

PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:codecommons:opt-out-receipt:1"
MAX_BYTES = 256 << 20
# Contents that one receipt has proofs for, in order of their identifiers; it says how many there are.
MOST_CONTENTS = 10_000


@dataclass(frozen=True)
class Receipt:
    """What was found of a receipt.

    Attributes:
        problems: all that is wrong; none means that it holds.
        statement: the in-toto statement, if it could be read and its signature is right; else empty.
    """

    problems: tuple[str, ...]
    statement: Mapping[str, Any]


def key_id(key: Ed25519PublicKey) -> str:
    """sha256 of the key in DER, hex."""
    encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).hexdigest()


def signed_bytes(payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD), PAYLOAD.encode(), len(payload), payload)


def check(receipt: bytes, key: bytes) -> Receipt:
    """Verify a receipt.

    Args:
        receipt: the file's bytes.
        key: the published key, PEM.
    """
    try:
        statement = opened(receipt, key)
    except RefusedError as error:
        return Receipt((str(error),), {})
    try:
        return Receipt(tuple(_faults(statement)), statement)
    except (KeyError, TypeError, ValueError, AttributeError):
        return Receipt(("the statement lacks something that a receipt has",), statement)


class RefusedError(Exception):
    """An envelope is none, or is not by the key; the message says why."""


def signer(envelope: bytes) -> str:
    """Which key an envelope says it was signed with (see ``key_id``).

    Raises:
        RefusedError: it is none.
    """
    return _parsed(envelope)[2]


def opened(envelope: bytes, key: bytes | None) -> Mapping[str, Any]:
    """The statement of an envelope whose signature is right.

    Args:
        envelope: the file's bytes.
        key: the published key, PEM; without one the signature is not looked at.

    Raises:
        RefusedError: the envelope, the key or the signature is not right.
    """
    payload, sealed, by = _parsed(envelope)
    if key is not None:
        _verify(payload, sealed, by, key)
    again = {
        "payloadType": PAYLOAD,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": by, "sig": base64.b64encode(sealed).decode()}],
    }
    if envelope != canonical(again) + b"\n":
        raise RefusedError("its bytes are not those that were written")
    try:
        statement = json.loads(payload)
    except (ValueError, RecursionError):
        statement = None
    if not isinstance(statement, dict):
        raise RefusedError("it holds no statement")
    return statement


def _parsed(envelope: bytes) -> tuple[bytes, bytes, str]:
    """Payload, signature and the key that is named."""
    if len(envelope) > MAX_BYTES:
        raise RefusedError(f"it has {len(envelope)} bytes: no envelope is so long")
    try:
        read = json.loads(envelope)
        [signature] = read["signatures"]
        payload = base64.b64decode(read["payload"], validate=True)
        return payload, base64.b64decode(signature["sig"], validate=True), str(signature.get("keyid"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RefusedError("it is no DSSE envelope with one signature") from None


def _verify(payload: bytes, sealed: bytes, by: str, key: bytes) -> None:
    try:
        public = serialization.load_pem_public_key(key)
    except (ValueError, UnsupportedAlgorithm):
        raise RefusedError("the key is no public key in PEM") from None
    if not isinstance(public, Ed25519PublicKey):
        raise RefusedError("the key is not an Ed25519 key")
    if by != key_id(public):
        raise RefusedError("it was signed with another key than this one, or changed")
    try:
        public.verify(sealed, signed_bytes(payload))
    except InvalidSignature:
        raise RefusedError("the signature is not right: it was changed, or is not by this key") from None


def _faults(statement: Mapping[str, Any]) -> list[str]:
    if (statement["_type"], statement["predicateType"]) != (STATEMENT, PREDICATE):
        return ["it states something else than an opt-out"]
    faults, named = [], {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    predicate = statement["predicate"]
    if not predicate["releases"]:
        return ["it speaks of no release"]
    for release in predicate["releases"]:
        name, merkle, account = release["name"], release["merkle"], release["account"]
        result = digest_of([account["shards"], account["manifest"], merkle])
        if (
            digest_of({"inputs": account["inputs"], "result": result}) != release["fingerprint"]
            or named.get(name) != release["fingerprint"]
        ):
            faults.append(f"{name}: its fingerprint does not follow from its roots")
        for kind in ("swhids", "origins"):
            root, leaves = merkle[kind]["root"], merkle[kind]["leaves"]
            bad = [proof for proof in release["absent"][kind] if not absent(root, leaves, proof)]
            faults += [f"{name}: {proof['text']} is not shown to be absent" for proof in bad]
        faults += [f"{name}: nothing is said of {text}" for text in _unspoken(predicate, release)]
    return faults


def _unspoken(predicate: Mapping[str, Any], release: Mapping[str, Any]) -> list[str]:
    """What a request is about and a release's part of the receipt passes over."""
    request = predicate["request"]
    told = {proof["text"] for proof in release["absent"]["swhids"]} | set(release["elsewhere"])
    missing = min(predicate["contents"], MOST_CONTENTS) - len(told)
    unspoken = [f"{missing} contents"] if missing > 0 else []
    if request["scope"] in ("origin", "owner"):
        exact = request["scope"] == "origin"
        # That no origin is called like an owner's URL says nothing of those that begin so.
        shown = {proof["text"] for proof in release["absent"]["origins"] if exact or not proof["exact"]}
        return unspoken + sorted(set(request["values"]) - shown)
    if request["scope"] == "content":
        # It goes everywhere, so that it can't be there from elsewhere.
        return unspoken + sorted(set(request["values"]) - {proof["text"] for proof in release["absent"]["swhids"]})
    return unspoken + (["what it asks for"] if not told else [])
