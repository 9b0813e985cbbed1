# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The key that receipts and releases are signed with: the operator's (``CODECOMMONS_SIGNING_KEY``), else one made in the home."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from codecommons.errors import UsageError
from codecommons.lake.storage import lake_errors
from codecommons.optout.chain import canonical
from codecommons.optout.check import PAYLOAD, key_id, signed_bytes
from codecommons.optout.claimants import write_once
from codecommons.settings import Settings


def public_file(settings: Settings) -> Path:
    """Where the key is that claimants check with; publish it."""
    return settings.home / "keys" / "receipts.pub.pem"


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """The private key; its public half lies in ``public_file`` afterwards.

    Raises:
        UsageError: the file is no Ed25519 key.
        LakeError: it can't be read or written.
    """
    file = _private_file(settings)
    with lake_errors(f"the signing key {file}"):
        public_file(settings).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if settings.signing_key is None and not file.exists():
            made = Ed25519PrivateKey.generate()
            form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            write_once(file, made.private_bytes(*form))
    key = _read(file)
    public = _public(key)
    published = public_file(settings)
    with lake_errors(f"writing {published}"):
        if not published.exists() or published.read_bytes() != public:
            if published.exists():  # what was signed before can be checked as long as its key is there
                published.rename(published.with_name(f"before-{hashlib.sha256(published.read_bytes()).hexdigest()[:12]}.pub.pem"))
            published.write_bytes(public)
    return key


def known_keys(settings: Settings) -> dict[str, bytes]:
    """Public keys that signatures are checked with: that of the private key, if there is one, and ``keys/*.pub.pem`` of the home.

    A key that was replaced is there under another name; so may be somebody else's whose releases are here.

    Returns:
        ``check.key_id`` -> PEM; files that are no such key are passed over.

    Raises:
        UsageError: the private key is none.
        LakeError: a file can't be read.
    """
    private = _private_file(settings)
    found = [_public(_read(private))] if private.exists() else []
    for file in sorted(public_file(settings).parent.glob("*.pub.pem")):
        with lake_errors(f"the key {file}"):
            found.append(file.read_bytes())
    known = {}
    for one in found:
        with contextlib.suppress(ValueError, UnsupportedAlgorithm):
            key = serialization.load_pem_public_key(one)
            if isinstance(key, Ed25519PublicKey):
                known[key_id(key)] = one
    return known


def _private_file(settings: Settings) -> Path:
    return settings.signing_key or public_file(settings).with_name("receipts.pem")


def _public(key: Ed25519PrivateKey) -> bytes:
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(*form)


def _read(file: Path) -> Ed25519PrivateKey:
    with lake_errors(f"the signing key {file}"):
        source = file.read_bytes()
    try:
        key = serialization.load_pem_private_key(source, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(
            f"{file} is no Ed25519 private key in PEM without a password; make one with `openssl genpkey -algorithm ed25519`"
        )
    return key


def sealed(key: Ed25519PrivateKey, statement: dict[str, Any]) -> bytes:
    """A statement in a signed DSSE envelope, one line."""
    payload = canonical(statement)
    signature = {"keyid": key_id(key.public_key()), "sig": base64.b64encode(key.sign(signed_bytes(payload))).decode()}
    envelope = {"payloadType": PAYLOAD, "payload": base64.b64encode(payload).decode(), "signatures": [signature]}
    return canonical(envelope) + b"\n"
