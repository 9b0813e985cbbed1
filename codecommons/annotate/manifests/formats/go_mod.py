# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Go's go.mod. It names a module and what it requires; licence and version are elsewhere."""

from __future__ import annotations

import re

from codecommons.annotate.manifests.project import Format, Project, limited, purl

_FORGE = re.compile(r"((?:github\.com|gitlab\.com|codeberg\.org|bitbucket\.org)/[^/\s]+/[^/\s]+)(?:/.*)?")


def read(data: bytes) -> Project:
    """Read directives, one a line or in a block of parentheses.

    Raises:
        ValueError: there is no module.
    """
    module: str | None = None
    needed: list[str | None] = []
    block = ""
    for raw in data.decode().splitlines():
        words = [word.strip('"`') for word in raw.partition("//")[0].split()]
        if words == [")"]:
            block = ""
        elif words and words[-1] == "(":
            block = words[0]
        elif words:
            verb, rest = (block, words) if block else (words[0], words[1:])
            if verb == "module" and rest:
                module = rest[0]
            elif verb == "require" and len(rest) == 2:
                needed.append(purl("golang", *rest))
    if module is None:
        raise ValueError("no module")
    forge = _FORGE.fullmatch(module)
    return Project(
        "golang",
        module,
        code_repository=f"https://{forge[1]}" if forge else None,
        languages=("Go",),
        requires=limited(needed),
    )


FORMAT = Format(r"go\.mod", read, most_bytes=1 << 20)
