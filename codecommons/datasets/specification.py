# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a researcher writes: one YAML file.

A specification may come from a stranger. Nothing in it is ever a path, a table or a program: names are slugs, patterns are
matched against text, and the one SQL condition is taken apart before it runs (``condition``).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from codecommons import strict
from codecommons.annotate.languages import is_language, some_languages
from codecommons.annotate.notebooks import FORMS
from codecommons.datasets import condition
from codecommons.datasets.fingerprint import digest
from codecommons.datasets.rules import EXCLUSIONS, GROUPS, LIMITS
from codecommons.datasets.tokens import TOKENS
from codecommons.errors import UsageError
from codecommons.lake.storage import lake_errors
from codecommons.license.policy import VERDICTS
from codecommons.settings import Settings

KEEPS = ("best", "all")
# What rows may be -> filters of messages that there are for them.
ROWS = {
    "files": ("none",),
    "commits": ("none", "commitpack", "commitpackft"),
    "issues": ("none", "starcoder2"),
    "pull_requests": ("none", "starcoder2"),
}
DISCUSSIONS = ("issues", "pull_requests")
# What only files have, or commits of them.
_OF_FILES = ("languages", "names", "where", "filters", "exclude")
ORDERS = ("permissive", "earliest", "popular", "latest", "shortest_path")
DOCUMENTS = ("file", "repository")
# How the files of an origin come: by path, whatever tree they are of; tree by tree, by path; or each after what it imports.
PATH, TREE, DEPENDENCIES = "path", "tree", "dependencies"
# What becomes of a Jupyter notebook: its JSON, or a text form of ``annotate.notebooks``.
AS_IS = "as_is"
METADATA = ("all", "half")
LAYOUTS = ("megatron", "datatrove")
# Parts and lines that came when releases were out already: what says no more than the default is not in the mapping, so that the
# specifications of those keep their digests. Their defaults can never change.
_LATER = ("format", "rows", "messages", "order", "notebooks")
MAX_FILE_BYTES = 1 << 16
# A regular expression of 16 times as many wildcards is larger than its engine takes.
MAX_PATTERN = 1_000
# Signs ``?`` beside a ``*``: each of these may have begun anywhere, which doubles what has to be remembered.
MAX_ANY = 6
# Of all patterns together, see ``weight_of``.
MAX_WEIGHT = 500


def _similarity(value: Any, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
        raise UsageError(f"{where} is {value!r}; it must be a similarity over 0 and up to 1, or null for exact duplicates only")
    return float(value)


def _share(value: Any, where: str) -> float:
    from codecommons.annotate.benchmarks import FLOOR  # takes a while to import, and few specifications name a benchmark

    if isinstance(value, bool) or not isinstance(value, (int, float)) or not FLOOR <= value <= 1:
        raise UsageError(f"{where} is {strict.shown(value)}; it must be a share from {FLOOR} to 1")
    return float(value)


def _one_of(known: tuple[str, ...]) -> Callable[[Any, str], str]:
    def parse(value: Any, where: str) -> str:
        if value not in known:
            raise UsageError(f"{where} is {strict.shown(value)}; {strict.nearest(str(value), known)}")
        return str(value)

    return parse


def _web(value: Any, where: str) -> str:
    said = strict.text(value, where)
    if not re.fullmatch(r"https?://[^\s<>\"']{1,2000}", said):
        raise UsageError(f"{where} is {strict.shown(value)}; it must be an address such as https://example.org")
    return said


def _languages(value: Any, where: str) -> tuple[str, ...]:
    for name in (values := strict.texts(value, where)):
        if not is_language(name):
            raise UsageError(f"{where} has {name!r}, which Linguist has no language of; {strict.nearest(name, some_languages())}")
    return values


def _patterns(value: Any, where: str) -> tuple[str, ...]:
    values = strict.texts(value, where)
    if long := next((pattern for pattern in values if len(pattern) > MAX_PATTERN), None):
        raise UsageError(f"{where} has {strict.shown(long)}, of {len(long)} characters; a pattern has at most {MAX_PATTERN}")
    if slow := next((pattern for pattern in values if "*" in pattern and pattern.count("?") > MAX_ANY), None):
        raise UsageError(
            f"{where} has {strict.shown(slow)}; a pattern with * has at most {MAX_ANY} signs ?, as more take too long"
        )
    if sum(map(weight_of, values)) > MAX_WEIGHT:
        raise UsageError(
            f"{where} has too many patterns with wildcards inside: it may have {MAX_WEIGHT} like a*b, or {MAX_WEIGHT // 5} like "
            "a*b*c or *a?b, and any number like a, *a, a* and *a*"
        )
    return values


def weight_of(pattern: str) -> int:
    """How much is to be remembered of a pattern that is half found: 0 of ``*.py``, 1 of ``test_*.py``, 5 of ``*a*b*``."""
    inner = re.sub(r"\*+", "*", pattern.strip("*")).count("*")
    return 5 if inner > 1 or ("*" in pattern and "?" in pattern) else inner


@dataclass(frozen=True)
class Publisher:
    """Who answers for the releases, as documents name them.

    Attributes:
        name: of a person or an organisation.
        url: where they can be found.
    """

    name: str = strict.rule(strict.text, "")
    url: str = strict.rule(_web, "")


@dataclass(frozen=True)
class License:
    """Which licence decisions let a file in.

    Attributes:
        policy: name of a licence policy.
        accept: its verdicts that are good enough.
    """

    policy: str = strict.rule(strict.text, "permissive")
    accept: tuple[str, ...] = strict.rule(strict.some_of(VERDICTS), ("permissive",))


MOST_LOST = (("language", 0.95), ("source", 0.95), ("origin", 1.0))


def _most_lost(value: Any, where: str) -> tuple[tuple[str, float], ...]:
    """What is not named stays as it is: who lets one kind lose more has not asked for the other alarms to be silent."""
    said = dict(strict.numbers(GROUPS)(value, where))
    for name, share in said.items():
        if share > 1:
            raise UsageError(f"{where}.{name} is {share!r}; it must be a share from 0 to 1, such as 0.95")
    return tuple((dict(MOST_LOST) | said).items())


def _order(value: Any, where: str) -> tuple[str, ...]:
    """Preferences. One that comes after itself, or after its opposite, decides nothing, which nobody means."""
    order = strict.some_of(ORDERS)(value, where)
    twice = next((name for name in order if isinstance(value, list) and value.count(name) > 1), None)
    if twice:
        raise UsageError(f"{where} has {twice!r} twice; name it once")
    if {"earliest", "latest"} <= set(order):
        raise UsageError(f"{where} has both 'earliest' and 'latest'; name one of them")
    return order


@dataclass(frozen=True)
class Deduplicate:
    """Which of several equal or similar files stays.

    Attributes:
        threshold: similarity from which an accepted pair counts; None leaves only exact duplicates out.
        repositories: similarity of their contents from which a repository is left out for another one, as a whole and before its
            files are looked at; None looks at no repository.
        order: what is preferred, first things first; what is still equal goes by ``selection.LAST``. ``earliest`` goes
            by when a history had it first (``candidates.with_since``), ``latest`` by the date of the release or head;
            ``popular`` goes by the stars that forges last showed of the origin. Of repositories, the one with the most preferred
            file is.
        keep: ``best`` leaves all but the preferred near-duplicate out; ``all`` keeps them, files and repositories, and says in
            columns of their own what each is like, so that they can be weighed (see ``rows.MARKS``).
        most_lost: the share of the files of a language, source or origin that may be left out as near-duplicates, by kind; more
            blocks the dataset. A kind that is not named keeps its default. Groups of fewer than ``losses.ALARMING`` files are
            not judged.
    """

    threshold: float | None = strict.rule(_similarity, 0.7)
    repositories: float | None = strict.rule(_similarity, None)
    order: tuple[str, ...] = strict.rule(_order, ("permissive", "earliest", "popular"))
    keep: str = strict.rule(_one_of(KEEPS), "best")
    most_lost: tuple[tuple[str, float], ...] = strict.rule(_most_lost, MOST_LOST)


def _confidence(value: Any, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise UsageError(f"{where} is {strict.shown(value)}; it must be a confidence from 0 to 1, or null for none")
    return float(value)


def _kinds(value: Any, where: str) -> tuple[str, ...]:
    # Its rules take a while to read, and few specifications name a kind.
    from codecommons.annotate.spans import kinds

    return strict.some_of(kinds())(value, where)


@dataclass(frozen=True)
class Redact:
    """What is replaced in the text of a row. A file of which not all of it is known is left out.

    Attributes:
        secrets: confidence from which a span of the annotator ``secrets`` is replaced; None replaces none.
        personal_data: likewise, of ``personal_data``.
        keep: kinds that stay, such as ``name``, without which a copyright notice names nobody.
    """

    secrets: float | None = strict.rule(_confidence, None)
    personal_data: float | None = strict.rule(_confidence, None)
    keep: tuple[str, ...] = strict.rule(_kinds, ())

    @property
    def confidences(self) -> dict[str, float]:
        """Annotator -> confidence, of those that are asked."""
        asked = {"secrets": self.secrets, "personal_data": self.personal_data}
        return {name: confidence for name, confidence in asked.items() if confidence is not None}


@dataclass(frozen=True)
class Decontaminate:
    """What models will be tested on, and no row may have.

    Attributes:
        benchmarks: names of files that ``CODECOMMONS_BENCHMARKS`` names, without their endings.
        share: of the shingles of one of an item's texts, from which a file has the item; 1 is a copy, and
            ``annotate.benchmarks.FLOOR`` the least that is known.
    """

    benchmarks: tuple[str, ...] = strict.rule(strict.texts, ())
    share: float = strict.rule(_share, 0.7)


@dataclass(frozen=True)
class Filters:
    """How good a file must be.

    Attributes:
        sets: names of filter sets (``filtering``), whose rules go first.
        limits: limit -> threshold, see ``rules.LIMITS``.
    """

    sets: tuple[str, ...] = ()
    limits: tuple[tuple[str, float], ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.sets or self.limits)

    def to_mapping(self) -> dict[str, Any]:
        """As it would be written in YAML; without sets these are limits alone, as all were before there were sets."""
        return {**({"set": list(self.sets)} if self.sets else {}), **dict(self.limits)}


def _filters(value: Any, where: str) -> Filters:
    """Names of sets, or limits, or both: ``stack-v2``, or ``{max_line: 500}``, or ``{set: stack-v2, max_line: 500}``."""
    if not isinstance(value, Mapping):
        return Filters(strict.texts(value, where))
    for name in value:
        if name not in ("set", *LIMITS):
            raise UsageError(f"{where} has an unknown name {name!r}; {strict.nearest(str(name), ('set', *LIMITS))}")
    limits = strict.numbers(LIMITS)({name: limit for name, limit in value.items() if name != "set"}, where)
    return Filters(strict.texts(value["set"], f"{where}.set") if "set" in value else (), limits)


@dataclass(frozen=True)
class Shard:
    """How rows are spread over files.

    Attributes:
        bits: ``k``: an origin belongs to one of 2**k buckets; fixed at a dataset's first release.
        cap_bytes: an origin with more bytes of text than this has shards of its own, split by path.
    """

    bits: int = strict.rule(strict.whole(0, 16), 2)
    cap_bytes: int = strict.rule(strict.whole(1 << 20, 1 << 40), 256 << 20)


@dataclass(frozen=True)
class Format:
    """What a shard's file is. All but ``kind``, ``document`` and ``metadata`` is for tokens alone.

    Attributes:
        kind: a module of ``datasets.formats``.
        tokenizer: name of a file that ``CODECOMMONS_TOKENIZERS`` names; empty for one that is trained on the dataset itself.
        vocabulary: how many tokens that one has, at most.
        document: ``file``, or ``repository``: the files of an origin (of a tree, where they come tree by tree) one after the
            other, as StarCoder 2 reads them.
        metadata: whose documents begin with the repository's name and have paths: ``all``, or ``half`` of them, as in
            StarCoder 2's training; the others have none.
        layout: whose files: Megatron's (``.bin``, ``.idx``) or datatrove's (``.ds``, ``.ds.index``, ``.ds.metadata``).
        end: the token after every document; empty for the tokenizer's usual one.
    """

    kind: str = strict.rule(strict.text, "parquet")
    tokenizer: str = strict.rule(strict.text, "")
    vocabulary: int = strict.rule(strict.whole(512, 1 << 20), 32_000)
    document: str = strict.rule(_one_of(DOCUMENTS), "file")
    metadata: str = strict.rule(_one_of(METADATA), "all")
    layout: str = strict.rule(_one_of(LAYOUTS), "megatron")
    end: str = strict.rule(strict.text, "")


@dataclass(frozen=True)
class Specification:
    """One dataset.

    Attributes:
        name: a slug, the name of the YAML file.
        description: what it is for, one or a few lines.
        publisher: who answers for it.
        as_of: the day up to which visits count; None is the last slice that passed.
        rows: what a row is: a file of a current tree, a commit that changed one of them and nothing else, an issue or a pull
            request.
        sources: source names (``pypi``) and patterns over origins (``pkg:pypi/*``); none means all.
        languages: names as Linguist spells them; none means all.
        names: patterns over file names (``*.v``); none means all.
        where: a condition over ``condition.COLUMNS``, in SQL.
        license: which licences.
        messages: what people must have said, see ``commits.MESSAGES`` and ``discussions.MESSAGES``.
        filters: filter sets and limits.
        exclude: kinds of files to leave out, see ``rules.EXCLUSIONS``.
        order: how the files of an origin come: ``path``; ``tree``, one tree after the other, each by path; or ``dependencies``,
            likewise, and each file after those that it imports. The last two say of every row how much of its tree is here.
        notebooks: what becomes of Jupyter notebooks: ``as_is``, ``script`` or ``structured``.
        deduplicate: which duplicates.
        decontaminate: which benchmarks' items are left out.
        redact: which secrets and personal data are replaced.
        escape: whose tokens are broken where a text has them, see ``tokens.TOKENS``.
        shard: how many shards.
        format: what they are.
    """

    name: str = strict.rule(strict.slug)
    description: str = strict.rule(strict.text, "")
    publisher: Publisher = strict.part(Publisher)  # noqa: RUF009 (a field with a factory)
    as_of: str | None = strict.rule(strict.day, None)
    rows: str = strict.rule(_one_of(tuple(ROWS)), "files")
    sources: tuple[str, ...] = strict.rule(_patterns, ())
    languages: tuple[str, ...] = strict.rule(_languages, ())
    names: tuple[str, ...] = strict.rule(_patterns, ())
    where: str | None = strict.rule(condition.checked, None)
    license: License = strict.part(License)  # noqa: RUF009 (a field with a factory)
    messages: str = strict.rule(_one_of(tuple(dict.fromkeys(name for names in ROWS.values() for name in names))), "none")
    filters: Filters = strict.rule(_filters, Filters())  # noqa: RUF009 (frozen)
    exclude: tuple[str, ...] = strict.rule(strict.some_of(EXCLUSIONS), ())
    order: str = strict.rule(_one_of((PATH, TREE, DEPENDENCIES)), PATH)
    notebooks: str = strict.rule(_one_of((AS_IS, *FORMS)), AS_IS)
    deduplicate: Deduplicate = strict.part(Deduplicate)  # noqa: RUF009 (a field with a factory)
    decontaminate: Decontaminate = strict.part(Decontaminate)  # noqa: RUF009 (a field with a factory)
    redact: Redact = strict.part(Redact)  # noqa: RUF009 (a field with a factory)
    escape: tuple[str, ...] = strict.rule(strict.some_of(TOKENS), ())
    shard: Shard = strict.part(Shard)  # noqa: RUF009 (a field with a factory)
    format: Format = strict.part(Format)  # noqa: RUF009 (a field with a factory)

    def to_mapping(self) -> dict[str, Any]:
        """All of it, defaults included but for those of ``_LATER``, as it would be written in YAML."""
        values = asdict(self)
        usual = asdict(Specification(self.name))
        for name in _LATER:
            said, default = values.pop(name), usual[name]
            if isinstance(said, dict):
                said = {key: value for key, value in said.items() if value != default[key]}
            values |= {name: said} if said and said != default else {}
        values["filters"] = self.filters.to_mapping()
        values["deduplicate"]["most_lost"] = dict(self.deduplicate.most_lost)
        return values

    @property
    def digest(self) -> str:
        """sha256 of what it says, however it was written."""
        return digest(self.to_mapping())

    def at(self, day: str) -> Specification:
        """The same as of another day."""
        return replace(self, as_of=day)


def parse(source: bytes, name: str) -> Specification:
    """Read a specification.

    Args:
        source: YAML text.
        name: the stem of its file, which is the dataset's name; ``name`` inside may repeat it.

    Raises:
        UsageError: it is not one; the message says where, and the nearest valid name.
    """
    strict.slug(name, "the name of a dataset's file (without .yaml)")
    where = f"dataset {name}"
    values = strict.load(source, where, MAX_FILE_BYTES)
    if isinstance(values, dict) and values.setdefault("name", name) != name:
        raise UsageError(f"{where}: name is {values['name']!r}; it must be that of its file")
    return _consistent(strict.read(Specification, _with_defaults(values), where), where)


def _with_defaults(values: Any) -> Any:
    """What is compared with nothing but its like has no near-duplicates, so there the default is another one."""
    if isinstance(values, dict) and values.get("rows", "files") != "files" and isinstance(values.get("deduplicate", {}), dict):
        return values | {"deduplicate": {"threshold": None} | values.get("deduplicate", {})}
    return values


def _consistent(asked: Specification, where: str) -> Specification:
    if asked.messages not in ROWS[asked.rows]:
        fit = ", ".join(rows for rows, names in ROWS.items() if asked.messages in names)
        raise UsageError(f"{where}: messages is {asked.messages!r}, which is for {fit}, and rows is {asked.rows!r}")
    odd = next((name for name in _OF_FILES if getattr(asked, name)), None)
    if odd and asked.rows in DISCUSSIONS:
        raise UsageError(f"{where}: {odd} is about files, and rows is {asked.rows!r}; leave it out")
    named = condition.columns_of(asked.where or "") & condition.OF_COMMITS.keys()
    if named and asked.rows != "commits":
        raise UsageError(f"{where}: where names {min(named)}, which commits have, and rows is {asked.rows!r}; leave it out")
    odd = next((name for name, usual in (("order", PATH), ("notebooks", AS_IS)) if getattr(asked, name) != usual), None)
    if odd and asked.rows != "files":
        raise UsageError(f"{where}: {odd} is about files, and rows is {asked.rows!r}; leave it out")
    if asked.rows != "files" and (asked.deduplicate.threshold is not None or asked.deduplicate.repositories is not None):
        raise UsageError(f"{where}: deduplicate: {asked.rows} are compared exactly; leave threshold and repositories out")
    return asked


def is_pattern(source: str) -> bool:
    """Whether an item of ``sources`` is a pattern over origins; else it names a source."""
    return bool(re.search(r"[:/*?]", source))


def names(settings: Settings) -> list[str]:
    """Names of all datasets that have a file, without reading any."""
    return sorted(path.stem for path in _folder(settings).glob("*.yaml"))


def keep_specification(settings: Settings, file: Path) -> None:
    """Copy a specification to where the sensor and the UI find it, whole or not at all.

    Raises:
        LakeError: it can't be written.
    """
    target = _folder(settings) / file.name
    if target.exists() and target.samefile(file):
        return
    with lake_errors(f"writing {target}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        half = target.with_name(f".{file.name}.part")
        shutil.copyfile(file, half)
        half.replace(target)


def specification(settings: Settings, name: str) -> Specification:
    """The specification of one dataset.

    Raises:
        UsageError: there is none of that name, or it can't be read.
    """
    known = names(settings)
    if name not in known:
        raise UsageError(f"no dataset {name!r} in {_folder(settings)}; {strict.nearest(name, known)}")
    path = _folder(settings) / f"{name}.yaml"
    try:
        source = path.read_bytes()
    except OSError as error:
        raise UsageError(f"dataset {name}: {path} can't be read: {error.strerror}") from error
    return parse(source, name)


def unreadable(settings: Settings) -> dict[str, str]:
    """Names of files that are no specification, and why."""
    reasons = {}
    for name in names(settings):
        try:
            specification(settings, name)
        except UsageError as error:
            reasons[name] = str(error)
    return reasons


def _folder(settings: Settings) -> Path:
    return settings.home / "datasets"
