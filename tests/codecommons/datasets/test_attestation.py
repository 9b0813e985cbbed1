# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The signed statement of a release, read as any other program would read it, and attacked."""

import base64
import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from codecommons.datasets import build, verify
from codecommons.datasets.attestation import PREDICATE, attestation
from codecommons.datasets.releases import release as release_of
from codecommons.engine.local import InlineEngine
from codecommons.errors import LakeError
from codecommons.lake import Lake

ENVELOPE = "attestation.dsse.json"


@pytest.fixture(scope="module")
def shop_and_folder(module_shop) -> tuple:
    report = build(module_shop.lake, InlineEngine(), module_shop.specify("all", "{shard: {bits: 1}}"))
    return module_shop, Path(module_shop.settings.lake, report.details["folder"])


@pytest.fixture
def shop(shop_and_folder, tmp_path):
    """The shop with a release; the release and the keys are put right again afterwards."""
    shop, folder = shop_and_folder
    keys = shop.settings.home / "keys"
    shutil.copytree(folder, tmp_path / "release")
    shutil.copytree(keys, tmp_path / "keys")
    yield shop
    for place, kept in ((folder, "release"), (keys, "keys")):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(tmp_path / kept, place)


@pytest.fixture
def folder(shop, shop_and_folder) -> Path:
    return shop_and_folder[1]


def statement_in(folder: Path) -> dict:
    return json.loads(base64.b64decode(json.loads((folder / ENVELOPE).read_text())["payload"]))


def files_of(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def problems_of(shop) -> list[tuple[str, str]]:
    return [(problem.file, problem.what) for problem in verify(shop.lake, "all").problems]


def test_it_is_signed_over_every_other_file_as_dsse_and_in_toto_say(shop, folder):
    envelope = json.loads((folder / ENVELOPE).read_text())
    payload, [signature] = base64.b64decode(envelope["payload"]), envelope["signatures"]
    key = serialization.load_pem_public_key((shop.settings.home / "keys" / "receipts.pub.pem").read_bytes())
    kind = envelope["payloadType"].encode()
    # DSSE's pre-authentication encoding; raises unless the signature is right.
    key.verify(base64.b64decode(signature["sig"]), b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload))
    statement = json.loads(payload)
    assert kind == b"application/vnd.in-toto+json"
    assert (statement["_type"], statement["predicateType"]) == ("https://in-toto.io/Statement/v1", PREDICATE)
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files_of(folder).items()}
    del digests[ENVELOPE]
    assert {one["name"]: one["digest"] for one in statement["subject"]} == {n: {"sha256": d} for n, d in digests.items()}
    assert {"NOTICE", "README.md", "fingerprint.json", "manifest.parquet", "plots/sizes.svg"} < set(digests)
    fingerprint = json.loads((folder / "fingerprint.json").read_text())
    predicate = statement["predicate"]
    assert {name: predicate[name] for name in ("fingerprint", "inputs", "inputs_digest")} == {
        name: fingerprint[name] for name in ("fingerprint", "inputs", "inputs_digest")
    }
    assert predicate["result"].items() <= fingerprint["result"].items()
    found = verify(shop.lake, "all")
    assert found.passed
    assert found.signature == f"signed with key {signature['keyid'][:12]}…"


def test_the_fingerprint_is_the_same_whoever_signs_and_the_attestation_for_the_same_key(shop, folder, tmp_path):
    document = release_of(shop.lake, "all").document
    assert attestation(shop.lake, document) == (folder / ENVELOPE).read_bytes()
    other = Lake.open(dataclasses.replace(shop.settings, home=tmp_path / "other"))
    signed = attestation(other, document)
    assert signed != (folder / ENVELOPE).read_bytes()
    assert json.loads(signed)["payload"] == json.loads((folder / ENVELOPE).read_text())["payload"]


def test_a_changed_byte_in_any_file_is_found(shop, folder):
    for name, path in files_of(folder).items():
        before = path.read_bytes()
        # A blank for the line break at the end: what is still the same JSON is another file.
        path.write_bytes(before[:-1] + b" ")
        assert name in [file for file, _ in problems_of(shop)], name
        path.write_bytes(before)
    assert problems_of(shop) == []


def test_an_account_that_is_none_any_more_is_one_clear_error(shop, folder):
    (folder / "fingerprint.json").write_bytes(b"{" + (folder / "fingerprint.json").read_bytes())
    with pytest.raises(LakeError, match=r"fingerprint\.json is not what a build wrote; restore it"):
        verify(shop.lake, "all")


def test_a_document_changed_together_with_its_digest_in_the_fingerprint_file_is_found_by_the_attestation(shop, folder):
    readme, marker = folder / "README.md", folder / "fingerprint.json"
    before = hashlib.sha256(readme.read_bytes()).hexdigest()
    readme.write_text(readme.read_text().replace("files", "fires"))
    marker.write_text(marker.read_text().replace(before, hashlib.sha256(readme.read_bytes()).hexdigest()))
    assert problems_of(shop) == [
        ("README.md", "its sha256 is not the one in the attestation"),
        ("fingerprint.json", "its sha256 is not the one in the attestation"),
    ]


def test_missing_documents_and_files_that_nobody_published_are_named(shop, folder):
    (folder / "NOTICE").unlink()
    (folder / ENVELOPE).unlink()
    shutil.copy(folder / "manifest.parquet", folder / "data" / "more.parquet")
    assert problems_of(shop) == [
        ("data/more.parquet", "it is no file of this release; remove it"),
        (ENVELOPE, "it is missing"),
        ("NOTICE", "it is missing"),
    ]


def test_a_build_of_the_same_thing_brings_a_missing_document_and_attestation_back(shop, folder):
    before = {name: path.read_bytes() for name, path in files_of(folder).items()}
    for name in ("NOTICE", ENVELOPE):
        (folder / name).unlink()
        build(shop.lake, InlineEngine(), "all")
        assert {name: path.read_bytes() for name, path in files_of(folder).items()} == before


def resigned(folder: Path, change) -> Ed25519PrivateKey:
    """Sign a changed statement with a key of an attacker's own."""
    from codecommons.optout.signing import sealed

    key = Ed25519PrivateKey.generate()
    (folder / ENVELOPE).write_bytes(sealed(key, change(statement_in(folder))))
    return key


def test_who_signs_with_another_key_is_refused_until_that_key_is_trusted(shop, folder):
    key = resigned(folder, lambda statement: statement)
    [(file, what)] = problems_of(shop)
    assert file == ENVELOPE
    assert "another key" in what
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    (shop.settings.home / "keys" / "theirs.pub.pem").write_bytes(key.public_key().public_bytes(*form))
    assert problems_of(shop) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda said: {**said, "predicateType": "urn:other"}, "it states something else than fingerprint.json"),
        (lambda said: {**said, "predicate": {**said["predicate"], "fingerprint": "0" * 64}}, "it states something else"),
        (lambda said: {**said, "subject": [{"name": "NOTICE"}]}, "it lacks something that an attestation has"),
        (lambda said: {**said, "subject": None}, "it lacks something that an attestation has"),
        (lambda said: ["no statement"], "it holds no statement"),
        (lambda said: {**said, "subject": said["subject"][1:]}, "its sha256 is not the one in the attestation"),
    ],
)
def test_a_statement_of_something_else_is_refused_also_without_any_key(shop, folder, change, what):
    resigned(folder, change)
    shutil.rmtree(shop.settings.home / "keys")
    [(_, said)] = problems_of(shop)
    assert said.startswith(what)


def test_without_a_key_the_signature_is_said_not_to_be_checked_and_no_key_is_made(shop, folder):
    shutil.rmtree(shop.settings.home / "keys")
    found = verify(shop.lake, "all")
    assert found.passed
    assert found.signature.startswith("not checked: there is no key in ")
    assert not (shop.settings.home / "keys").exists()


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"payload": "e30=", "signatures": [1]}', b"[" * 100_000])
def test_what_is_no_envelope_is_named_and_raises_nothing(shop, folder, data):
    (folder / ENVELOPE).write_bytes(data)
    assert problems_of(shop) == [(ENVELOPE, "it is no DSSE envelope with one signature")]


def test_a_key_of_the_operators_own_signs_and_the_one_before_still_checks_older_releases(shop, folder, tmp_path):
    from codecommons.optout.signing import known_keys, signing_key

    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (tmp_path / "own.pem").write_bytes(Ed25519PrivateKey.generate().private_bytes(*form))
    settings = dataclasses.replace(shop.settings, signing_key=tmp_path / "own.pem")
    signing_key(settings)
    assert len(known_keys(settings)) == 2
    assert verify(Lake.open(settings), "all").passed
