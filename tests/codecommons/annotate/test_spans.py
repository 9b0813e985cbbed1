# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Secrets of tests are put together here, so that no scanner of this repository takes them for real ones."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codecommons.annotate import spans
from codecommons.annotate.spans import finder as finding
from codecommons.annotate.spans.rules import rules_digest

LETTERS = "a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ"
RULES = ("secrets", "personal_data")
KEY = "-----BEGIN RSA PRIVATE " + "KEY-----\n" + "MIIBOgIBAAJBAJ" + LETTERS * 3 + "\n-----END RSA PRIVATE KEY-----"
PGP = "-----BEGIN PGP PRIVATE " + f"KEY BLOCK-----\n\nlQVYBGkr{LETTERS * 3}\n=aB3d\n-----END PGP PRIVATE KEY BLOCK-----"
TOKEN = "ghp_" + LETTERS
NUMBER = "4c0883a69102937d6231471b5dbb6204" + "fe5129617082792ae468d01a3f362318"
PUTTY = (
    "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: me\nPublic-Lines: 1\n"
    + f"{LETTERS}\nPrivate-Lines: 2\n{LETTERS}\n{LETTERS[:9]}=\nPrivate-MAC: 5d1e\n"
)
PASSWORD = "vT9#" + "kq2Lm"
APACHE = "$apr1$" + "Gd7KqzXo$" + "w2Vb1XRjUk8nq0YtPz5LM."
BCRYPT = "$2y$" + "10$" + "N9qo8uLOickgx2ZMRZoMye" + "IjZAgcfl7p92ldGxad68LJZdL17lhWy"
UUID = "7c9e6679-" + "7425-40de-944b-e07fc1f90ae7"
PHRASE = "correct horse " + "battery staple"
SEED = "gravity machine north sort " + "system female filter attitude volume fold club stay"
EDWARDS = "MC4CAQAwBQYDK2VwBCIE" + "IJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF"


@pytest.fixture(scope="module")
def finders():
    return {name: spans.compiled(name) for name in RULES}


@pytest.fixture(scope="module")
def found(finders):
    """What a set of rules finds: ``(kind, text of the span)``."""

    def find(rules, text):
        data = text.encode() if isinstance(text, str) else text
        return [(span.kind, data[span.start : span.end].decode()) for span in finders[rules].find(data)[0]]

    return find


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_named_once_and_is_sure_of_something(name):
    rules = spans.read(name)
    assert len({rule.id for rule in rules}) == len(rules)
    assert all(re.fullmatch(r"[a-z0-9-]+", rule.id) and 0 < rule.confidence < 1 and rule.kind for rule in rules)


@pytest.mark.parametrize("changed", ["secrets.yaml", "finder.py", "filters.py", "rules.py", "a_new_filter.py"])
def test_a_change_of_whatever_decides_about_spans_is_another_digest(tmp_path, changed):
    folder = shutil.copytree(Path(finding.__file__).parent, tmp_path / "spans")
    assert spans.configuration("secrets") == {"rules": rules_digest("secrets", folder)}
    with (folder / changed).open("a") as file:
        file.write("LONG = 1\n")
    assert rules_digest("secrets", folder) != rules_digest("secrets")
    assert (rules_digest("personal_data", folder) == rules_digest("personal_data")) == (changed == "secrets.yaml")


@pytest.mark.parametrize(
    ("line", "kind", "value"),
    [
        (f"token = '{TOKEN}'", "token", TOKEN),
        ("aws_access_key_id = AKIA" + "Q3EGRIZ7WVSMHN2T", "api-key", "AKIA" + "Q3EGRIZ7WVSMHN2T"),
        (f"aws_secret_access_key: {LETTERS}+/ab", "api-key", f"{LETTERS}+/ab"),
        (f"x\n{KEY}\ny", "private-key", KEY),
        (f"{PGP}\n", "private-key", PGP),
        ("SLACK=xoxb-" + "391809548274-4236212766789-i8EoyACELx2FYnSOkRPEpePN", "token", None),
        ("url = 'postgres://app:" + "f8Kq2xR9@db.internal.io:5432/x'", "password", "f8Kq2xR9"),
        ("DB_PASSWORD=" + "vT9#kq2Lm", "password", "vT9#kq2Lm"),
        ('{"password": "' + 'n84ASM54y4"}', "password", "n84ASM54y4"),
        (f"PRIVATE_KEY=0x{NUMBER}", "private-key", f"0x{NUMBER}"),
        ("SECRET_KEY = 'django-insecure-" + "w$k7(q!z0@#m^h2p&x5*e8_v=r1+t-9)y3bcdfgjlnsu4ai6oa'", "secret", None),
        ("sk-" + "Zq8vT2mXw4Kp9sLd3Rf7Hb6Nc1Gj5Yt0QeUaIoBxVzWrEyPk", "api-key", None),
        ("sk_" + "4f1c9a7e03b8d2564f1c9a7e83b8d256c1a9e7f03d8b2564", "api-key", None),
        ("re_" + "58EmNu7C_zgRqxzuyY9Erhn76NCG1AOkX", "api-key", None),
        ("pcsk_" + "vNmhz_ksWmeV5HbCXmYTVmXqmJWS1sVY8b6VUNUbewnAa13PUVOIqJwOkKOu", "api-key", None),
        ("ntn_" + "12345098761pGHoPZgPDcgaE40o1C6xc4sohdmM0Lm7exG", "token", None),
        (f"new ethers.Wallet('{NUMBER}')", "private-key", NUMBER),
        (PUTTY, "private-key", f"{LETTERS}\n{LETTERS[:9]}=\n"),
        (f"key: {EDWARDS}", "private-key", EDWARDS),
        (f'{{"kty": "EC", "crv": "P-256", "d": "{LETTERS[:22]}"}}', "private-key", LETTERS[:22]),
        ("<db:password>\n  " + "Sommer2019\n</db:password>", "password", "Sommer2019"),
        ('<entry key="db.password"><![CDATA[' + "vT9#kq2Lm]]></entry>", "password", "vT9#kq2Lm"),
        ('<add key="DbPassword" value="' + 'vT9#kq2Lm" />', "password", "vT9#kq2Lm"),
        ("ENV DB_PASSWORD " + "hunter42x!", "password", "hunter42x!"),
        (f"ENV API_TOKEN {LETTERS}", "secret", LETTERS),
        ("machine git.acme.io\n  login me\n  password " + "vT9kq2Lm\n", "password", "vT9kq2Lm"),
        ("mysqldump -h db -uroot -p'" + "vT9kq2Lm' shop", "password", "vT9kq2Lm"),
        (f"dsn = https://{NUMBER[:32]}@o42.ingest.sentry.io/7", "token", NUMBER[:32]),
        (f"#define API_KEY {LETTERS}\n", "secret", LETTERS),
        ("var secretKey = []byte{" + "33, 9, 100, 114, 245, 164, 134, 217, 225, 26, 0, 172, 39, 248, 203, 201}", "secret", None),
        ("mysql -u root --password " + "Sne3sd8AZjq", "password", "Sne3sd8AZjq"),
        ("client_secret = '" + "G1Re06G1BdgNseiJDN21Z094M'", "secret", "G1Re06G1BdgNseiJDN21Z094M"),
        ("jira = " + "MDM0MjM5NDc2MDE4" + "Ohq8cT5vQ2xk9fJbWm3PzR7sLdYa", "token", None),
        ("box = " + "q7Zr2LkPx9" + "w" + "A" * 10 + "b3Kd8QsNf2Vh6Ty1Gm5Xc9Zp4Rw7Lj0Sa-E_uBoIiYt", "token", None),
        ("Authorization: Bearer " + "u7Kp2mQx9RtYw4Zn8BvC", "token", "u7Kp2mQx9RtYw4Zn8BvC"),
        (f"localhost:5432:shop:app:{PASSWORD}\n*:*:*:me:" + "s\\:Xt8w#q\n", "password", PASSWORD),
        (f"localhost:5432:shop:app:{PASSWORD}\n*:*:*:me:" + "s\\:Xt8w#q\n", "password", "s\\:Xt8w#q"),
        (f"ada:{APACHE}\n", "password", APACHE),
        (f"bob:{BCRYPT}\n", "password", BCRYPT),
        ("eve:{SHA}" + "pSwqXkPFd8tNJsWqNHyHFPKVXPs=", "password", "{SHA}" + "pSwqXkPFd8tNJsWqNHyHFPKVXPs="),
        (f"- basicauth.users=ada:{APACHE.replace('$', '$$')}\n", "password", APACHE.replace("$", "$$")),
        (f"dataSource.setPassword(\"{PASSWORD}\");", "password", PASSWORD),
        (f"builder.username(u)\n  .password('{PASSWORD}')", "password", PASSWORD),
        (f"client.setApiKey(\"{LETTERS}\")", "secret", LETTERS),
        (f"api_key = \"{UUID}\"", "secret", UUID),
        (f"X-API-Key: {UUID}", "token", UUID),
        (f"passphrase: '{PHRASE}'", "password", PHRASE),
        (f"db_password = \"{PHRASE}\"", "password", PHRASE),
        (f"MNEMONIC=\"{SEED}\"", "password", SEED),
    ],
)  # fmt: skip
def test_a_secret_is_found_to_the_byte(found, line, kind, value):
    assert [one for one in found("secrets", line) if one[0] == kind and value in (None, one[1])]


def test_a_json_web_token_is_one_whose_head_says_so(found):
    head, body, signature = "eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0In0", "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
    assert found("secrets", f"x = {head}.{body}.{signature};") == [("jwt", f"{head}.{body}.{signature}")]
    assert found("secrets", f"x = eyJhbGlnbiI6ImxlZnQifQ.{body}.{signature};") == []


@pytest.mark.parametrize(
    "line",
    [
        "password = os.environ['DB_PASSWORD']",
        "password: ${DB_PASSWORD}",
        'password = "changeme"',
        '"password": "Please enter your password"',
        "<password>%s</password>",
        "token = get_token(request)",
        "token = self.token",
        "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
        "api_key = 'xxxxxxxxxxxxxxxxxxxxxxxx'",
        "api_key = YOUR_API_KEY_GOES_HERE_1234",
        "secret_id = 'bace4d19-fa7e-beef-cafe-9129474bcd81'",
        "password_hash = '5f4dcc3b5aa765d61d8327deb882cf99aabb'",
        '"integrity": "sha512-' + LETTERS * 2 + '=="',
        "commit 8663e4e0705e70defa0264bcf570c9f7f4e57a1a",
        "PublicKeyToken=b03f5f7f11d50a3a",
        "http://user:password@localhost/",
        "https://github.com:443/a@b",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "background: url(data:image/png;base64,AKIA" + "Q3EGRIZ7WVSMHN2T)",
        "compass: north42east",
        '"' + "AAAAMFBMVEX///8" + "A" * 21 + "\\n" + "A" * 43 + "v3aB7AAAAD3RSTlMAEHarIkSJZt3NVLsy" + "\\n",
        "password_min_length: 12characters",
        f"TRANSACTION_HASH=0x{NUMBER}",
        PUTTY.replace("none", "aes256-cbc"),
        "<password minlength='8'>your secret, please</password>",
        "<label for='password'>Password</label>",
        "ENV PASSWORD_FILE /run/secrets/db2",
        "mysql -h db -protocol=tcp shop",
        "const SECRET_TABLE = [" + ", ".join(str(n) for n in range(100)) + "]",
        '{"q": "' + LETTERS + '"}',
        "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA" + LETTERS,
        f"request_id = '{UUID}'",
        f"key: '{UUID}'",
        f"api_key_id = '{UUID}'",
        "api_key = '00000000-0000-0000-0000-000000000000'",
        "src/main.c:1234:15:error:unused1",
        "fe80:1234:aa:bb:cc11\n",
        "10:2000:30:40:50600\n",
        "hostname:5432:database:username:password",
        "price:$2 and $1$ of {SHA} text",
        "form.setPassword(\"password\")\nform.setPassword(user.password)\ncheck_password('vT9#kq2Lm')",
        'password: "At least eight characters and one digit"',
        "passphrase = 'enter the passphrase of your key'",
        'passphrase: "Die Passphrase stimmt nicht überein"',
        "password = 'three plain words'",
        "passphrase = 'two words'",
    ],
)
def test_what_only_looks_like_a_secret_is_none(found, line):
    assert found("secrets", line) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("# Author: Ada Byron <ada@analytical.org>", [("name", "Ada Byron"), ("email", "ada@analytical.org")]),
        ("Copyright (c) 1999-2004 J. van Dyke, Günter Milde", [("name", "J. van Dyke"), ("name", "Günter Milde")]),
        ("copyright = '2008, Ada O'Byron-Hart'", [("name", "Ada O'Byron-Hart")]),
        ("/* (c) 2012 Free Software Foundation, Inc. */", []),
        ("Copyright 2020 The Chromium Authors", []),
        ("Signed-off-by: Linus Ek <12345+linus@users.noreply.github.com>",
         [("name", "Linus Ek"), ("email", "12345+linus@users.noreply.github.com")]),
        ("ada@example.com noreply@github.com git@github.com icon@2x.png user@localhost", []),
        ("pip install thing@1.2.3", []),
        ("connect to 93.184.216.34:80", [("ip-address", "93.184.216.34")]),
        ("host 10.0.0.1, 192.168.1.1, 127.0.0.1, 8.8.8.8, 203.0.113.7, 255.255.255.0", []),
        ("version 106.31.73.20", []),
        ('"AssemblyVersion": "4.12.13.14"', []),
        ("oid 1.3.101.112", []),
        ("http://[2a00:1450:4001:c01::67]/", [("ip-address", "2a00:1450:4001:c01::67")]),
        ("2001:db8::1 fe80::1 ::1 std::vector 12:34:56", []),
        ("Jürgen: jürgen.müller@gmx.de, first.last@uni-köln.de",
         [("email", "jürgen.müller@gmx.de"), ("email", "first.last@uni-köln.de")]),
        ("Phone: (415) 322-0103", [("phone", "(415) 322-0103")]),
        ("call +41 (0)96 471 07 95 now", [("phone", "+41 (0)96 471 07 95")]),
        ("082 490 1693-Office, (37) 788-063-Fax", [("phone", "082 490 1693"), ("phone", "(37) 788-063")]),
        ("2020-01-02-office, 1920 1080 office, see 12.34 fax", []),
        ("{ +1.00000956, -0.5 }", []),
        ("+1 234 567 8900 555-0123", []),
    ],
)  # fmt: skip
def test_personal_data_is_found_and_machines_are_not_people(found, line, expected):
    assert found("personal_data", line) == expected


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-be", "utf-16-le", "utf-32"])
def test_spans_in_wide_text_are_those_of_its_own_bytes(finders, codec):
    marks = {"utf-16-be": b"\xfe\xff", "utf-16-le": b"\xff\xfe"}
    data = marks.get(codec, b"") + f"né😀 = '{TOKEN}'".encode(codec)
    ((span,), _) = finders["secrets"].find(data)
    mark = b"" if codec in marks else "".encode(codec)
    assert (mark + data[span.start : span.end]).decode(codec) == TOKEN


def test_nothing_is_looked_for_in_binary_content(found):
    assert found("secrets", f"\0token = '{TOKEN}'") == []


def test_what_is_beyond_the_most_spans_is_said(finders):
    many, truncated = finders["secrets"].find(f"{TOKEN}\n".encode() * (spans.MOST_SPANS + 1))
    assert (len(many), truncated) == (spans.MOST_SPANS, True)
    few, truncated = finders["secrets"].find(f"{TOKEN}\n".encode() * spans.MOST_SPANS)
    assert (len(few), truncated) == (spans.MOST_SPANS, False)


FRAGMENTS = [
    b"password = '", b"token: ", b"://u:", b"@", b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----", b"MIIBVQIBADAN",
    b"eyJhbGciOiJIUzI1NiJ9.eyJ", b"(c) 2020 ", b"Ada Byron", b" <a", b"@b.org", b"93.184.216.34", b"2a00:1450:4001:c01::67",
    b"+41 44 668 18 00", b"\n", b"\xff\xfe", b"\xc3", b"'", b'"', LETTERS.encode(), TOKEN.encode(), b"\xff\xfe\0\0", b"x" * 300,
]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=30)), max_size=40))
@settings(max_examples=150, deadline=None)
def test_spans_of_any_bytes_stand_in_order_inside_the_content(finders, parts):
    data = b"".join(parts)
    for finder in finders.values():
        end = 0
        for span in finder.find(data)[0]:
            assert end <= span.start < span.end <= len(data)
            end = span.end


@pytest.mark.parametrize(
    "piece",
    [
        b"x", b"password = ", b"-----BEGIN PRIVATE KEY-----", b"MIIBVQIBADAN", b"eyJhbGciOiJIUzI1", b"://u:ppppp@h", b"a@",
        b"a.b-c_d+e%f",
        b"101.102.103.104 ", b"abcdef01:", b"Copyright (c) 2020 Ab Cd Ef Gh Ij ", b"Ab <a@", b"Authorization: ",
        b"AAAA", b"=\\\"'", b"PuTTY-User-Key-File-2:\nEncryption: none\n", b"'k': 'a1Bvvvb2C3d4E5f6G7h8'", b"<password ",
        b"secret = {1,2,", b"mysql -u ", b"login a password ", b"<x password=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        TOKEN.encode() + b" ", b"a:5432:b:c:dddd1", b"a:5432:b:c:dddd1\n", b"u:$apr1$aaaa$",
        b".password('a", b"passphrase = 'ab cd ",
    ],
)  # fmt: skip
def test_no_repetition_costs_more_than_its_length(finders, piece):
    """Two million bytes of it: that takes some ten milliseconds, and a second even where every trigger is tried."""
    data = piece * (2_000_000 // len(piece))
    for finder in finders.values():
        start = time.process_time()
        finder.find(data)
        assert time.process_time() - start < 4


@pytest.mark.parametrize(
    "value",
    ["qwrtzpsdfghjklxcvbnm" * 5 + "90817", "Qw.rt-zp_sd" * 12 + "#4", "aB1" * 60, "{" + "a" * 90 + "b" * 90, "q-" * 90 + "12345"],
    ids=["letters", "parts", "mixed", "brace", "dashes"],
)
def test_no_value_takes_long_to_be_called_a_false_alarm(finders, value):
    start = time.process_time()
    for name in ("password", "client_secret", "api_key"):
        finders["secrets"].find(f"{name} = '{value}'\n".encode())
    assert time.process_time() - start < 1


def test_the_surest_of_overlapping_spans_stays():
    surer, longer = finding.Span("a", 5, 9, "r", 0.9), finding.Span("b", 0, 20, "s", 0.5)
    beside = finding.Span("c", 20, 22, "t", 0.1)
    assert finding._apart([beside, longer, surer]) == [surer, beside]
