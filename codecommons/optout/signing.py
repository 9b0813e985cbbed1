# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The key that receipts are signed with: the operator's (``CODECOMMONS_SIGNING_KEY``), else one that is made once in the home."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

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
    folder = settings.home / "keys"
    file = settings.signing_key or folder / "receipts.pem"
    with lake_errors(f"the signing key {file}"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if settings.signing_key is None and not file.exists():
            made = Ed25519PrivateKey.generate()
            form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            write_once(file, made.private_bytes(*form))
        source = file.read_bytes()
    try:
        key = serialization.load_pem_private_key(source, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(
            f"{file} is no Ed25519 private key in PEM without a password; make one with `openssl genpkey -algorithm ed25519`"
        )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with lake_errors(f"writing {public_file(settings)}"):
        if not public_file(settings).exists() or public_file(settings).read_bytes() != public:
            public_file(settings).write_bytes(public)
    return key


def sealed(key: Ed25519PrivateKey, statement: dict[str, Any]) -> bytes:
    """A statement in a signed DSSE envelope, one line."""
    payload = canonical(statement)
    signature = {"keyid": key_id(key.public_key()), "sig": base64.b64encode(key.sign(signed_bytes(payload))).decode()}
    envelope = {"payloadType": PAYLOAD, "payload": base64.b64encode(payload).decode(), "signatures": [signature]}
    return canonical(envelope) + b"\n"
