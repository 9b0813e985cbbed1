# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Source packages of Debian and its kin, through apt and the user's own sources of it: ``deb:hello=2.10-3``.

The pin is the sha256 of the ``.dsc``, which apt has verified against the signed index; every other file is verified against
the sums in the ``.dsc``. Trees, releases and branches are those of Software Heritage's Debian loader: the tree is what
``dpkg-source`` unpacks, patches applied, and is the root itself. A version may be in several suites; what the item names
decides its branch: ``releases/2.10-3`` for the item above, and ``releases/bookworm/main/2.10-3``, as Software Heritage has it,
for ``deb:hello=bookworm/main/2.10-3``.

Nothing is built. ``dpkg-source`` sees only archives that ``unpack.members`` has read to the end and accepted, under a ``.dsc``
that is written here from what was verified, in a folder that is removed. A machine without apt, its source index or
``dpkg-source`` quarantines the items, fails nothing, and gets them the next time it has them.
"""

from __future__ import annotations

import datetime as dt
import email.parser
import email.utils
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from codecommons.archive.cache import find_archive, keep_archive, sha256_of
from codecommons.archive.packages import NO_METADATA, PackageSource
from codecommons.archive.scratch import scratch_folder
from codecommons.archive.tree import Tree, folder_members
from codecommons.archive.unpack import Member, members, unpacked
from codecommons.errors import ItemError, UsageError
from codecommons.lake import SliceInput
from codecommons.settings import Settings
from codecommons.swhid import SYMLINK_PERMS, Date

_ITEM = re.compile(r"([a-z0-9][a-z0-9+.-]+)=((?:[a-zA-Z0-9][\w.+-]*/){2,})?(\d[A-Za-z0-9.+~:-]*)", re.ASCII)
_URI = re.compile(r"^'(\S+)' (\S+) (\d+) (?:SHA256:([0-9a-f]{64}))?", re.MULTILINE)
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~_:-]*", re.ASCII)
_SUM = re.compile(r"(?P<sum>[0-9a-f]{64}|[0-9a-f]{32}) +(?P<size>\d+) +(?P<name>\S+)")
_CLOSING = re.compile(r"^ -- (?P<person>.*<[^>\n]*>) {1,2}(?P<date>\S.*?)[ \t\r]*$", re.MULTILINE)
# What Debian's archive takes; the others run a version control system or a build on what they find.
_FORMATS = ("1.0", "3.0 (native)", "3.0 (quilt)")
# Seconds of one process's work; the largest source packages take about one minute.
_SECONDS = 1200


class Debian(PackageSource):
    """The distributions that apt has source indexes of."""

    name = visit_type = "deb"
    document = b"changelog"
    at_once = 2

    def parse(self, text: str) -> str:
        """``NAME=VERSION`` or ``NAME=SUITE/COMPONENT/VERSION``."""
        if not _ITEM.fullmatch(text):
            raise UsageError(
                f"deb:{text} names no version of a source package; write deb:hello=2.10-3 or deb:hello=bookworm/main/2.10-3"
            )
        return text

    def split(self, item: str) -> tuple[str, str]:
        """See ``PackageSource.split``; the version has its suite and component before it, where the item names them."""
        name, _, version = item.partition("=")
        return name, version

    def origin(self, name: str, vendor: str = "debian") -> str:
        """The purl."""
        return f"pkg:deb/{quote(vendor, safe='')}/{quote(name, safe='')}"

    def origin_of(self, row: SliceInput) -> str:
        """The purl; its namespace is who signs the index, and Debian where nobody has been asked."""
        return self.origin(self.split(row.item)[0], json.loads(row.detail or "{}").get("vendor", "debian"))

    def tag(self, version: str) -> str:
        """The version without suite and component."""
        return version.rpartition("/")[2]

    def version_key(self, version: str) -> Any:
        """The order of Debian Policy 5.6.12: epoch, upstream version, revision."""
        epoch, colon, rest = self.tag(version).partition(":")
        upstream, dash, revision = (rest if colon else epoch).rpartition("-")
        return (
            int(epoch) if colon and epoch.isdecimal() else 0,
            _order(upstream if dash else revision),
            _order(revision if dash else ""),
        )

    def resolve(self, wanted: SliceInput, settings: Settings) -> SliceInput:
        """Ask apt for the sha256 of the ``.dsc`` and who distributes it."""
        name, version = self.split(wanted.item)
        vendor = _vendor(name, version)
        listed = _URI.findall(_apt("source", "--print-uris", "--only-source", f"{name}={self.tag(version)}"))
        sha256 = next((sha256 for _, file, _, sha256 in listed if file.endswith(".dsc")), "")
        sha256 = sha256 or sha256_of(self._download(wanted, settings))
        if wanted.sha256 not in (None, sha256):
            raise ItemError("wrong-hash", f"apt has {wanted.item} with a .dsc of sha256 {sha256}, expected {wanted.sha256}")
        return replace(wanted, version=version, sha256=sha256, detail=json.dumps({"upload_time": None, "vendor": vendor}))

    def fetch(self, wanted: SliceInput, settings: Settings) -> Path:
        """The ``.dsc``; the files that it names are in the cache, too."""
        dsc = find_archive(wanted.sha256, settings)
        if dsc is not None and all(find_archive(file.sha256, settings) for file in _read_dsc(dsc).files):
            return dsc
        return self._download(wanted, settings)

    def packed_bytes(self, archive: Path) -> int:
        """Size of the ``.dsc`` and of what it names."""
        return archive.stat().st_size + sum(file.size for file in _read_dsc(archive).files)

    @contextmanager
    def unpacked(self, archive: Path, settings: Settings) -> Iterator[Iterable[Member]]:
        """What ``dpkg-source`` makes of the package, patches applied."""
        dsc = _read_dsc(archive)
        with scratch_folder("package", settings) as folder:
            folder.chmod(0o700)
            for file in dsc.files:
                cached = find_archive(file.sha256, settings)
                if cached is None:
                    raise ItemError("missing-file", f"{file.name} is no longer in the cache; run the slice again to get it")
                _link(cached, folder / file.name)
            _accept(dsc, folder, settings)
            yield folder_members(_dpkg_source(dsc, folder, settings), settings)

    def release(self, row: SliceInput, tree: Tree) -> tuple[bytes, bytes]:
        """Author, of the last entry in ``debian/changelog``, and message."""
        name, version = self.split(row.item)
        message = f"Synthetic release for Debian source package {name} version {self.tag(version)}\n"
        return _last_entry(tree)["person"].encode(), message.encode()

    def date(self, row: SliceInput, tree: Tree) -> Date | None:
        """Date of the last entry in ``debian/changelog``."""
        moment = email.utils.parsedate_to_datetime(_last_entry(tree)["date"])
        moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return Date(int(moment.timestamp()), 0, moment.strftime("%z")[:5].encode())

    def _download(self, wanted: SliceInput, settings: Settings) -> Path:
        name, version = self.split(wanted.item)
        with scratch_folder("download", settings) as folder:
            _apt("source", "--download-only", "--only-source", f"{name}={self.tag(version)}", folder=folder)
            found = sorted(folder.glob("*.dsc"))
            if len(found) != 1:
                raise ItemError("missing-package", f"apt brought {len(found)} .dsc files for {wanted.item}")
            for file in _read_dsc(found[0]).files:
                if not (folder / file.name).is_file():
                    raise ItemError("missing-package", f"apt has not brought {file.name} of {wanted.item}")
                keep_archive(folder / file.name, file.sha256, settings)
            return keep_archive(found[0], wanted.sha256, settings)[0]


SOURCE = Debian()


def _order(part: str) -> tuple[Any, ...]:
    """A sort key of one part of a version: letters before other signs, ``~`` before the end, numbers by value."""
    pieces = re.findall(r"(\D*)(\d*)", part)
    ranks = {sign: -1 if sign == "~" else ord(sign) + 256 * (not sign.isalpha()) for sign in part}
    return tuple(((*(ranks[sign] for sign in signs), 0), int(number or 0)) for signs, number in pieces)


def _last_entry(tree: Tree) -> Mapping[str, str]:
    """Who closed the newest entry of ``debian/changelog``, and when.

    Raises:
        ItemError: ``no-metadata``.
    """
    data = tree.documents.get(b"debian/changelog", b"")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("iso-8859-15")
    found = _CLOSING.search(text)
    if found is None or email.utils.parsedate_tz(found["date"]) is None:
        raise ItemError(
            NO_METADATA, "debian/changelog does not say who made this version and when; without it there is no release"
        )
    return found.groupdict()


# Apt.


def _vendor(name: str, version: str) -> str:
    """Who distributes a version, as its index says: ``debian``, ``ubuntu``.

    Raises:
        ItemError: ``no-source-index``, or ``missing-package``: apt has no such version in the suite and component.
    """
    targets = {target["Description"]: target for target in _targets("Sources")}
    if not targets:
        raise ItemError("no-source-index", f"apt has no index of source packages; {_how_to_have_one()}, then run the slice again")
    place, _, version = version.rpartition("/")
    rows = [[word.strip() for word in line.split("|")] for line in _apt("madison", name, tool="apt-cache").splitlines()]
    listed = [row[2] for row in rows if len(row) == 3 and row[1] == version and row[2] in targets]
    found = [target for target in map(targets.__getitem__, listed) if place in ("", f"{target['Release']}/{target['Component']}")]
    if not found:
        where = f" in {place}" if place else ""
        there = ", ".join(sorted({f"{row[2].split()[1]}/{row[1]}" for row in rows if len(row) == 3 and row[2] in targets}))
        raise ItemError("missing-package", f"apt's source indexes have no {name}={version}{where}; they have {there or 'none'}")
    return found[0].get("Origin", "debian").strip().lower()


def _targets(kind: str) -> list[dict[str, str]]:
    """The indexes of a kind that apt has."""
    blocks = _apt("indextargets", f"Created-By: {kind}").strip().split("\n\n")
    return [dict(email.parser.HeaderParser().parsestr(block).items()) for block in blocks if block]


def _how_to_have_one() -> str:
    binary = next(iter(_targets("Packages")), None)
    file, _, line = (binary or {}).get("Sourcesentry", "").rpartition(":")
    if file.endswith(".sources"):
        return f"write `Types: deb deb-src` in {file} and run `apt-get update`"
    if file:
        return f"repeat line {line} of {file} with `deb-src` for `deb` and run `apt-get update`"
    return "run `apt-get update`, with a `deb-src` line in /etc/apt/sources.list"


def _apt(*arguments: str, tool: str = "apt-get", folder: Path | None = None) -> str:
    """Run apt and return what it said.

    Raises:
        ItemError: ``apt-missing``, ``missing-package``, ``wrong-hash`` or ``unreachable``.
    """
    program = shutil.which(tool)
    if program is None:
        raise ItemError(
            "apt-missing", f"{tool} is not installed; source packages of Debian come through it, so bring them in where it is"
        )
    done = subprocess.run(
        [program, "--quiet=2", *arguments],
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        errors = [line[3:] for line in done.stderr.splitlines() if line.startswith("E: ")]
        damaged = any(sign in done.stderr for sign in ("Hash Sum mismatch", "unexpected size"))
        reason = "wrong-hash" if damaged else "unreachable" if "Failed to fetch" in done.stderr else "missing-package"
        raise ItemError(
            reason, f"apt can't get {arguments[-1]}: {errors[0] if errors else f'it ended with code {done.returncode}'}"
        )
    return done.stdout


# The .dsc, and what dpkg-source may see.


@dataclass(frozen=True)
class _File:
    name: str
    size: int
    sha256: str
    md5: str


@dataclass(frozen=True)
class _Dsc:
    format: str
    source: str
    version: str
    files: tuple[_File, ...]

    def text(self) -> str:
        """A ``.dsc`` that says this and nothing else."""
        sums = "".join(f" {file.md5} {file.size} {file.name}\n" for file in self.files)
        shas = "".join(f" {file.sha256} {file.size} {file.name}\n" for file in self.files)
        head = f"Format: {self.format}\nSource: {self.source}\nVersion: {self.version}\n"
        return f"{head}Checksums-Sha256:\n{shas}Files:\n{sums}"


def _read_dsc(path: Path) -> _Dsc:
    """Read a ``.dsc``, signed or not; what it says is as good as its hash.

    Raises:
        ItemError: ``corrupt`` or ``unsupported-format``.
    """
    text = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    if text.startswith("-----BEGIN PGP SIGNED MESSAGE-----"):
        text = text.partition("\n\n")[2].partition("\n-----BEGIN PGP SIGNATURE-----")[0]
    fields = email.parser.HeaderParser().parsestr(text.lstrip("\n"))
    shas, sums = (_sums(str(fields.get(name, ""))) for name in ("Checksums-Sha256", "Files"))
    said = {name: str(fields.get(name, "")).strip() for name in ("Format", "Source", "Version")}
    if not all(said.values()) or not sums:
        raise ItemError("corrupt", "its .dsc does not say which package it is and which files it has")
    if said["Format"] not in _FORMATS:
        raise ItemError("unsupported-format", f"its source format is {said['Format'][:40]!r}; {', '.join(_FORMATS)} are unpacked")
    if shas.keys() != sums.keys():
        raise ItemError("unsupported-format", "its .dsc has no SHA-256 sums of its files")
    files = tuple(_File(name, size, sha256, sums[name][1]) for name, (size, sha256) in shas.items())
    if any("\n" in value for value in said.values()):
        raise ItemError("corrupt", "its .dsc has a field of several lines where one is")
    return _Dsc(said["Format"], said["Source"], said["Version"], files)


def _sums(text: str) -> dict[str, tuple[int, str]]:
    """File name -> size and sum, of a field of a ``.dsc``."""
    found = {}
    for line in text.split("\n"):
        match = _SUM.fullmatch(line.strip())
        if match is None and line.strip():
            raise ItemError("corrupt", f"its .dsc has a line that is no sum: {line.strip()[:80]!r}")
        if match is not None:
            if not _FILE.fullmatch(match["name"]):
                raise ItemError("unsafe-path", f"its .dsc names a file {match['name'][:80]!r}; nothing of this package was taken")
            found[match["name"]] = (int(match["size"]), match["sum"])
    return found


def _accept(dsc: _Dsc, folder: Path, settings: Settings) -> None:
    """Read every file to its end as an untrusted archive, all together under the limits of one.

    Raises:
        ItemError: what ``members`` raises; ``path-conflict``: a file would be written through a link.
    """
    total = count = 0
    for file in dsc.files:
        if file.name.endswith(".asc"):
            continue
        if ".tar." not in file.name:
            # A compressed diff, which dpkg-source itself looks through for names outside the tree.
            total += sum(map(len, unpacked(folder / file.name, settings)))
            continue
        links: set[bytes] = set()
        for member in members(folder / file.name, settings):
            count += 1
            total += member.length
            above = member.path
            while above := above.rpartition(b"/")[0]:
                if above in links:
                    raise ItemError(
                        "path-conflict", f"a file of {file.name} lies below a link; nothing of this package was taken"
                    )
            if member.perms == SYMLINK_PERMS:
                links.add(member.path)
                # Other archives of the package are unpacked over these folders of this one.
                if member.path.count(b"/") <= 1 and (member.path.rpartition(b"/")[2] in _folders(dsc)):
                    raise ItemError("path-conflict", f"a folder in {file.name} is a link; nothing of this package was taken")
    if total > settings.max_archive_bytes or count > settings.max_archive_members:
        raise ItemError("bomb", f"its archives unpack to {total:,} bytes in {count:,} members, more than the limit")


def _folders(dsc: _Dsc) -> set[bytes]:
    components = (re.search(r"\.orig-([A-Za-z0-9-]+)\.tar\.", file.name) for file in dsc.files)
    return {b"debian", b".pc", *(match[1].encode() for match in components if match)}


def _dpkg_source(dsc: _Dsc, folder: Path, settings: Settings) -> Path:
    """Unpack what was accepted, as Software Heritage's loader does, with nothing of the user's in its environment.

    Raises:
        ItemError: ``dpkg-source-missing``; ``corrupt``.
    """
    program = shutil.which("dpkg-source")
    if program is None:
        raise ItemError("dpkg-source-missing", "dpkg-source is not installed; install dpkg-dev and run the slice again")
    (folder / "package.dsc").write_text(dsc.text())
    (folder / "home").mkdir()
    limits = f'umask 022; ulimit -t {_SECONDS}; ulimit -f {settings.max_archive_bytes // 512 + 1}; exec "$@"'
    command = [program, "--no-copy", "--no-check", "--ignore-bad-version", "-x", "package.dsc", "source"]
    # A vendor has its own series of patches; Software Heritage unpacks everything on Debian.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "DEB_VENDOR": "Debian"}
    environment |= {"TMPDIR": str(folder), "HOME": str(folder / "home")}
    try:
        done = subprocess.run(
            ["sh", "-c", limits, "sh", *command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise ItemError("bomb", f"dpkg-source has not unpacked it within {_SECONDS} seconds") from error
    if done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if "error:" in line]
        line = (said[0].partition("error: ")[2] if said else f"it ended with code {done.returncode}").replace(f"{folder}/", "")
        raise ItemError("corrupt", f"dpkg-source can't unpack it ({line})")
    return folder / "source"


def _link(cached: Path, place: Path) -> None:
    try:
        place.hardlink_to(cached)
    except OSError:
        shutil.copyfile(cached, place)
