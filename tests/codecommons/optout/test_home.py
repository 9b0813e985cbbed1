# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What opting out keeps in the home, and never in the lake: who asks, and the key that receipts are signed with."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from codecommons.errors import LakeError, UsageError
from codecommons.optout import claimants
from codecommons.optout.signing import public_file, signing_key
from codecommons.settings import Settings

PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
ASKS = {"contact": "someone@example.org"}


def private(key, password=None):
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(PEM, PKCS8, locked)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", lake=str(tmp_path / "lake"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff garbage \x80",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        private(Ed25519PrivateKey.generate(), b"secret"),
        private(rsa.generate_private_key(65537, 1024)),
        private(ec.generate_private_key(ec.SECP256R1())),
        Ed25519PrivateKey.generate().public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    ],
    ids=["nothing", "garbage", "cut", "locked", "rsa", "ec", "public"],
)
def test_a_key_of_another_kind_is_refused_in_one_line_that_says_what_to_do(settings, tmp_path, content):
    file = tmp_path / "key.pem"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"key\.pem is no Ed25519 private key .*openssl genpkey") as refused:
        signing_key(replace(settings, signing_key=file))
    assert "\n" not in str(refused.value)
    assert not public_file(settings).exists()


def test_a_key_that_can_not_be_read_is_named(settings, tmp_path):
    (tmp_path / "folder").mkdir()
    for file in (tmp_path / "nowhere.pem", tmp_path / "folder"):
        with pytest.raises(LakeError, match=file.name) as refused:
            signing_key(replace(settings, signing_key=file))
        assert "\n" not in str(refused.value)


def test_a_key_is_made_once_for_nobody_else_to_read_and_stays(settings):
    made = private(signing_key(settings))
    file = settings.home / "keys" / "receipts.pem"
    assert file.stat().st_mode & 0o077 == 0
    assert private(signing_key(settings)) == made == file.read_bytes()
    assert b"PUBLIC" in public_file(settings).read_bytes()


@pytest.mark.parametrize("inside", ["", "deeper/"], ids=["the home is the lake", "the home is in the lake"])
def test_who_asks_is_never_written_into_the_folder_of_the_lake(tmp_path, inside):
    settings = Settings(home=tmp_path / inside / "home", lake=str(tmp_path / ("home" if not inside else "deeper")))
    with pytest.raises(UsageError, match="lies inside the lake"):
        claimants.keep(settings, ASKS)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_nor_is_it_by_way_of_a_link(tmp_path):
    (tmp_path / "lake" / "private").mkdir(parents=True)
    (tmp_path / "home").symlink_to(tmp_path / "lake" / "private")
    with pytest.raises(UsageError, match="lies inside the lake"):
        claimants.keep(Settings(home=tmp_path / "home", lake=str(tmp_path / "lake")), ASKS)


def test_who_asks_is_for_the_operator_alone_to_read_and_the_reference_tells_nobody(settings):
    reference = claimants.keep(settings, ASKS)
    assert claimants.claimant(settings, reference) == ASKS
    files = [path for path in settings.opt_out.rglob("*") if path.is_file()]
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    other = replace(settings, home=settings.home.with_name("other"))
    assert claimants.keep(other, ASKS) != reference
    assert claimants.claimant(other, reference) == {}
