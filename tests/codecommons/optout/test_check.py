# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The verifier stands alone."""

import base64
import json
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from codecommons.optout.chain import digest_of
from codecommons.optout.check import PREDICATE, STATEMENT, check
from codecommons.optout.merkle import Tree
from codecommons.optout.signing import sealed

KEY = Ed25519PrivateKey.from_private_bytes(b"7" * 32)
PUBLISHED = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
MINE = "https://forge.example/me/"


def receipt_for_an_owner(origins: list[str], exact: bool) -> bytes:
    """Signed by the key's owner, who may lie in anything that they write themselves."""
    tree, none = Tree(origins), Tree([])
    merkle = {"swhids": none.to_mapping(), "origins": tree.to_mapping()}
    account = {"inputs": "0" * 64, "shards": [], "manifest": "0" * 64}
    fingerprint = digest_of({"inputs": account["inputs"], "result": digest_of([[], account["manifest"], merkle])})
    absent = {"swhids": [], "origins": [tree.absence(MINE, exact)]}
    release = {"name": "x/1", "fingerprint": fingerprint, "merkle": merkle, "account": account, "absent": absent, "elsewhere": []}
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": "x/1", "digest": {"sha256": fingerprint}}],
        "predicateType": PREDICATE,
        "predicate": {"request": {"scope": "owner", "values": [MINE]}, "contents": 0, "releases": [release]},
    }
    return sealed(KEY, statement)


def test_an_owner_is_absent_when_no_origin_begins_so():
    assert check(receipt_for_an_owner(["https://forge.example/you/tool"], exact=False), PUBLISHED).problems == ()


def test_that_no_origin_is_called_like_an_owner_proves_nothing():
    receipt = receipt_for_an_owner([f"{MINE}tool"], exact=True)
    assert check(receipt, PUBLISHED).problems == (f"x/1: nothing is said of {MINE}",)


@pytest.mark.parametrize("what", ["payload", "sig", "keyid"])
def test_a_receipt_with_one_byte_changed_is_refused(what):
    receipt = receipt_for_an_owner([], exact=False)
    envelope = json.loads(receipt)
    where = envelope if what == "payload" else envelope["signatures"][0]
    begin = receipt.index(where[what].encode())
    for at in range(begin, begin + len(where[what]), 7):
        for sign in {b"A"[0], b"b"[0], receipt[at] ^ 1} - {receipt[at]}:
            assert check(receipt[:at] + bytes([sign]) + receipt[at + 1 :], PUBLISHED).problems
    assert base64.b64decode(envelope["payload"])


def test_the_verifier_imports_nothing_of_the_lake():
    heavy = "{'polars', 'pyarrow', 'deltalake', 'duckdb', 'dagster', 'fsspec', 'codecommons.lake', 'codecommons.settings'}"
    code = f"import sys, codecommons.optout.check; sys.exit(str({heavy} & set(sys.modules)) if {heavy} & set(sys.modules) else 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
