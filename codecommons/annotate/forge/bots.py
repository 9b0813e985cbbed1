# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Who is a bot, told by the account's type and by its login; the first rule that holds is named.

``type``: the forge says so. ``app``: the login ends with ``[bot]``, as those of GitHub's apps do. ``known``: an account that we
know. ``word``: a part of the login, between ``-`` and ``_``, is a word of bots. ``suffix``: the login ends with ``bot``. The last
two also meet people; a policy that wants to be sure goes by the first three.
"""

from __future__ import annotations

import re

# Raised, together with the reader's, when a login may get another answer.
VERSION = 1
_KNOWN = frozenset(
    {
        "allcontributors",
        "azure-pipelines",
        "cla-assistant",
        "cla-checker-service",
        "claassistant",
        "codacy-badger",
        "codeclimate",
        "codecov",
        "codecov-io",
        "coveralls",
        "dependabot",
        "dependabot-preview",
        "facebook-github-tools",
        "fossabot",
        "gitguardian",
        "github-actions",
        "gitter-badger",
        "greenkeeper",
        "homu",
        "imgbot",
        "lgtm-com",
        "linux-foundation-easycla",
        "netlify",
        "openshift-ci-robot",
        "pull-assistant",
        "renovate",
        "rust-highfive",
        "rust-timer",
        "rustbot",
        "scrutinizer-auto-fixer",
        "scrutinizer-notifier",
        "sizebot",
        "sonarcloud",
        "swift-ci",
        "transifex-integration",
        "travis-ci",
        "vercel",
        "web-flow",
        "whitesource-bolt-for-github",
    }
)
_WORDS = frozenset(
    {"autobot", "autobuild", "bors", "bot", "botmanager", "bots", "buildbot", "builder", "ci", "cibot", "jenkins", "robot"}
)
_PEOPLE = frozenset({"abbot", "cabot", "talbot", "turbot"})


def bot(login: str, kind: str | None = None) -> str | None:
    """The rule, with its version, that tells a bot, such as ``app@1``; None for a person."""
    rule = _rule(login.lower(), kind)
    return f"{rule}@{VERSION}" if rule else None


def _rule(login: str, kind: str | None) -> str | None:
    if kind == "Bot":
        return "type"
    if login.endswith("[bot]"):
        return "app"
    if login in _KNOWN:
        return "known"
    words = re.split(r"[-_]", login)
    if len(words) > 1 and not _WORDS.isdisjoint(words):
        return "word"
    return "suffix" if login.endswith("bot") and login not in _PEOPLE else None
