# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Source archives of the Python Package Index, through pip's own settings: ``pypi:requests==2.31.0``.

Nothing is built. The index, links, proxies, certificates and credentials are those the user gave pip (files and
``PIP_*``), so no host is written down here. Releases are those of Software Heritage's PyPI loader. Where a version has several
source archives, the item is the usual one of them, or the one it names (``pypi:nexter==1.1.0/nexter-1.1.0.zip``), whose
branch then has that name, too.
"""

from __future__ import annotations

import ast
import datetime as dt
import email.parser
import functools
import json
import logging
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codecommons.archive.cache import find_archive, keep_archive
from codecommons.archive.download import download
from codecommons.archive.packages import NO_METADATA, PackageSource, resolved
from codecommons.archive.scratch import scratch_folder
from codecommons.archive.tree import Tree
from codecommons.errors import ItemError, UsageError
from codecommons.lake import SliceInput
from codecommons.settings import Settings

if TYPE_CHECKING:
    from unearth import Link, Package, PackageFinder

_ITEM = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.+!_-]*)(/[A-Za-z0-9][A-Za-z0-9.+!_-]*)?")
_EXTENSIONS = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tar", ".zip")


class PyPI(PackageSource):
    """Any index that pip can use."""

    name = visit_type = "pypi"
    document = b"PKG-INFO"

    def parse(self, text: str) -> str:
        """``NAME==VERSION`` or ``NAME==VERSION/FILE``, the name in lower case with dashes."""
        from packaging.requirements import InvalidRequirement, Requirement

        match = _ITEM.fullmatch(text)
        try:
            if match and Requirement(f"{match[1]}=={match[2]}"):
                return f"{_canonical(match[1])}=={match[2]}{match[3] or ''}"
        except InvalidRequirement:
            pass
        raise UsageError(f"pypi:{text} names no version of a package; write pypi:requests==2.31.0")

    def split(self, item: str) -> tuple[str, str]:
        """See ``PackageSource.split``."""
        name, _, version = item.partition("/")[0].partition("==")
        return name, version

    def origin(self, name: str) -> str:
        """The purl."""
        return f"pkg:pypi/{_canonical(name)}"

    def version_key(self, version: str) -> Any:
        """PEP 440's order; what is no PEP 440 version comes before all that are."""
        from packaging.version import InvalidVersion, Version

        try:
            return (1, Version(version))
        except InvalidVersion:
            return (0, Version("0"))

    def is_stable(self, version: str) -> bool:
        """PEP 440 again: neither a pre-release nor one for developers."""
        from packaging.version import InvalidVersion, Version

        try:
            return not Version(version).is_prerelease
        except InvalidVersion:
            return False

    def branch(self, row: SliceInput) -> str:
        """``VERSION``, or ``VERSION/FILE`` where the item names a file."""
        _, _, file = row.item.partition("/")
        return f"{super().branch(row)}/{file}" if file else super().branch(row)

    def resolve(self, wanted: SliceInput, settings: Settings) -> SliceInput:
        """Ask the index for the source archive, its sha256 and when it was uploaded."""
        package = _find(wanted)
        version = package.version or self.split(wanted.item)[1]
        sha256 = wanted.sha256 or _sha256(package.link) or _download(package.link, None, settings)[1]
        return resolved(wanted, version, sha256, package.link.upload_time, **_facts(package, sha256))

    def fetch(self, wanted: SliceInput, settings: Settings) -> Path:
        """See ``PackageSource.fetch``."""
        return find_archive(wanted.sha256, settings) or _download(_find(wanted).link, wanted.sha256, settings)[0]

    def release(self, row: SliceInput, tree: Tree) -> tuple[bytes, bytes]:
        """Author and message, from the ``PKG-INFO`` in the one folder that the archive holds, and what the index said."""
        name, version = self.split(row.item)
        document = tree.documents.get(tree.names[0] + b"/PKG-INFO") if len(tree.names) == 1 else None
        if document is None:
            raise ItemError(
                NO_METADATA, f"there is no PKG-INFO in the one folder of {name} {version}; without it there is no release"
            )
        fields = _pkg_info(document.decode("utf-8", "ignore"))
        author, address = fields.get("author"), fields.get("author-email")
        fullname = f"{author} <{address}>" if address else author or ""
        said = json.loads(row.detail or "{}")
        name = said.get("name") or fields.get("name", name)
        version = fields.get("version", row.version or version)
        message = said.get("comment") or f"Synthetic release for PyPI source package {name} version {version}\n"
        return fullname.encode("utf-8", "surrogateescape"), message.encode("utf-8", "surrogateescape")


SOURCE = PyPI()


def _canonical(name: str) -> str:
    """A name as the purl specification writes it."""
    return name.lower().replace("_", "-")


def _pkg_info(text: str) -> dict[str, str]:
    """First value of each header, unfolded; ``UNKNOWN`` is what old tools wrote for nothing."""
    message = email.parser.HeaderParser().parsestr(text)
    fields: dict[str, str] = {}
    for key, value in message.items():
        unfolded = " ".join(line.strip() for line in str(value).splitlines())
        if unfolded != "UNKNOWN":
            fields.setdefault(key.lower(), unfolded)
    return fields


def versions(name: str) -> list[tuple[str, dt.datetime | None]]:
    """Every version of a package that has a source archive, as items, and when the first archive of it was uploaded.

    Raises:
        ItemError: ``missing-package`` or ``unreachable``.
    """
    uploaded: dict[str, dt.datetime | None] = {}
    for package in _offered(name):
        item, moment = f"{_canonical(name)}=={package.version}", package.link.upload_time
        known = uploaded.get(item)
        if package.version and _ITEM.fullmatch(item):
            uploaded[item] = min(known, moment) if known and moment else known or moment
    return sorted(uploaded.items())


def _find(wanted: SliceInput) -> Package:
    """The source archive of an item: the one with the pinned hash, else the preferred format."""
    item, _, file = wanted.item.partition("/")
    found = [package for package in _offered(item) if file in ("", package.link.filename)]
    if not found:
        raise ItemError("missing-package", f"pip's index and links have no source archive of {wanted.item}")
    if wanted.sha256:
        mine = [package for package in found if _sha256(package.link) == wanted.sha256]
        perhaps = [package for package in found if _sha256(package.link) is None]
        if not mine and not perhaps:
            there = ", ".join(f"{package.link.filename} {_sha256(package.link)}" for package in found)
            raise ItemError("wrong-hash", f"no archive has sha256 {wanted.sha256}; the index has {there}")
        return (mine or perhaps)[0]
    return found[0]


def _offered(requirement: str) -> list[Package]:
    """The source archives that pip's index and links have for a requirement, the preferred ones first; at least one."""
    import httpx2
    from unearth.errors import UnpackError

    refused: list[str] = []
    finder = _finder(refused.append)
    try:
        found = [package for package in finder.find_matches(requirement, allow_prereleases=True) if _is_source(package.link)]
    except (httpx2.HTTPError, httpx2.InvalidURL, UnpackError, OSError, ValueError) as error:
        raise ItemError(
            "unreachable", f"the package index can't be reached ({_one_line(error)}); check `pip config list`"
        ) from error
    found.sort(key=_preference)
    if not found and refused:
        raise ItemError("unreachable", f"the package index refused to answer ({refused[0]}); check `pip config list`")
    if not found:
        raise ItemError("missing-package", f"pip's index and links have no source archive of {requirement}")
    return found


def _facts(package: Package, sha256: str) -> dict[str, str]:
    """How the index itself spells the project, and the comment that an archive was uploaded with.

    Software Heritage's releases have both. They are in a document that only some indexes have beside the one for pip.

    Raises:
        ItemError: ``unreachable``: the index may have it and doesn't answer.
    """
    import httpx2

    place = re.fullmatch(r"(https?://.+)/simple/([^/]+)/?", package.link.comes_from or "")
    if place is None:
        return {}
    try:
        response = _finder(lambda _: None).session.get(f"{place[1]}/pypi/{place[2]}/json")
        said = response.json() if response.status_code == 200 else {}
    except httpx2.HTTPError as error:
        raise ItemError(
            "unreachable", f"the package index can't be reached ({_one_line(error)}); check `pip config list`"
        ) from error
    except ValueError:
        said = {}
    if response.status_code >= 500 or response.status_code == 429:
        raise ItemError("unreachable", f"the package index refused to answer ({response.status_code}); try again later")
    try:
        files = said["releases"].get(package.version, [])
        comments = [file["comment_text"] for file in files if file["digests"]["sha256"] == sha256]
        facts = {"name": said["info"]["name"], "comment": next(iter(comments), None)}
    except (KeyError, TypeError, AttributeError):
        return {}
    return {key: value for key, value in facts.items() if isinstance(value, str) and value}


def _is_source(link: Link) -> bool:
    return link.filename.lower().endswith(_EXTENSIONS)


def _preference(package: Package) -> tuple[int, int, str]:
    """The usual format first; of one file that is offered twice, the offer that says most."""
    name = package.link.filename
    extension = next(at for at, extension in enumerate(_EXTENSIONS) if name.lower().endswith(extension))
    return extension, (package.link.upload_time is None) + (_sha256(package.link) is None), name


def _sha256(link: Link) -> str | None:
    return next(iter((link.hash_option or {}).get("sha256", ())), None)


def _download(link: Link, sha256: str | None, settings: Settings) -> tuple[Path, str]:
    import httpx2
    from unearth.errors import UnpackError
    from unearth.preparer import download_link

    session = _finder(lambda _: None).session
    sha256 = sha256 or _sha256(link)
    if sha256 and not link.is_file:
        return download(
            lambda headers: session.get_stream(link.normalized, headers=headers), link.filename, sha256, settings
        ), sha256
    with scratch_folder("download", settings) as folder:
        try:
            path = download_link(session, link, folder)
        except (httpx2.HTTPError, UnpackError) as error:
            raise ItemError("unreachable", f"{link.filename} can't be downloaded ({_one_line(error)})") from error
        if path.parent != folder:
            target = folder / "archive"
            target.write_bytes(path.read_bytes())
            path = target
        return keep_archive(path, sha256, settings)


def _one_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


# pip's settings.


def _pip_settings() -> Mapping[str, str]:
    """What ``pip config list`` says, the more special winning: files, then ``[download]``, then ``PIP_*``."""
    return _pip_settings_in(tuple(sorted((key, value) for key, value in os.environ.items() if key.startswith("PIP_"))))


@functools.cache
def _pip_settings_in(environment: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Asking pip takes half a second: once for each state of the variables."""
    command = [sys.executable, "-m", "pip", "config", "list", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = dict(re.findall(r"^([\w:]+\.[\w.-]+)=('.*'|\".*\")$", done.stdout, re.MULTILINE)) if done.returncode == 0 else {}
    values = {key: ast.literal_eval(value) for key, value in lines.items()}
    if done.returncode != 0:  # no pip in this environment: its variables still count
        values = {f":env:.{key[4:].lower().replace('_', '-')}": value for key, value in environment}
    merged: dict[str, str] = {}
    for section in ("global", "download", ":env:"):
        merged |= {key.removeprefix(f"{section}."): value for key, value in values.items() if key.startswith(f"{section}.")}
    return merged


def _finder(refused: Callable[[str], None]) -> PackageFinder:
    """A finder that looks where pip would; ``refused`` hears of answers that mean nothing was looked up."""
    from unearth import PackageFinder
    from unearth.auth import MultiDomainBasicAuth

    logging.getLogger("unearth").setLevel(logging.ERROR)  # an index without the package is no news to a person
    pip = _pip_settings()
    finder = PackageFinder(trusted_hosts=_words(pip, "trusted-host"), ignore_compatibility=True, no_binary=[":all:"])
    if _is_on(pip, "no-index"):
        finder.sources.clear()
    else:
        if pip.get("index-url"):
            finder.sources.clear()
            finder.add_index_url(pip["index-url"])
        for url in _words(pip, "extra-index-url"):
            finder.add_index_url(url)
    for place in _words(pip, "find-links"):
        if "://" in place or Path(place).exists():
            finder.add_find_links(place)
    indexes = [source["url"] for source in finder.sources if source["type"] == "index"]
    session = _session(tuple(sorted(pip.items())))
    session.auth = MultiDomainBasicAuth(prompting=False, index_urls=indexes)
    finder._session = _Listening(session, refused)
    return finder


class _Listening:
    """A session that reports answers other than a plain no."""

    def __init__(self, session: Any, refused: Callable[[str], None]) -> None:
        self._session = session
        self._refused = refused

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def get(self, url: str, **arguments: Any) -> Any:
        """As the session's own."""
        response = self._session.get(url, **arguments)
        if response.status_code in (401, 403, 407, 429) or response.status_code >= 500:
            self._refused(f"{response.status_code} {response.reason_phrase}")
        return response


@functools.cache
def _session(settings: tuple[tuple[str, str], ...]) -> Any:
    from unearth.fetchers.sync import PyPIClient

    pip = dict(settings)
    verify: Any = ssl.create_default_context(cafile=pip["cert"]) if pip.get("cert") else True
    timeout = float(pip.get("timeout") or pip.get("default-timeout") or 60)
    options: dict[str, Any] = {"proxy": pip["proxy"]} if pip.get("proxy") else {}
    return PyPIClient(
        trusted_hosts=_words(pip, "trusted-host"),
        verify=verify,
        cert=pip.get("client-cert"),
        timeout=timeout,
        follow_redirects=True,
        **options,
    )


def _words(values: Mapping[str, str], key: str) -> list[str]:
    return list(dict.fromkeys(values.get(key, "").split()))


def _is_on(values: Mapping[str, str], key: str) -> bool:
    return values.get(key, "").strip().lower() in {"1", "true", "yes", "on"}
