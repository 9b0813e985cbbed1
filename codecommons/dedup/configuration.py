# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What counts as a near-duplicate: every parameter, versioned, and the digest that keys all rows made with it."""

from __future__ import annotations

import unicodedata
from dataclasses import asdict, dataclass

from codecommons.annotate.annotator import current
from codecommons.errors import UsageError
from codecommons.lake.stages import digest
from codecommons.settings import Settings
from codecommons.shingles import SHINGLE
from codecommons.strict import nearest


@dataclass(frozen=True)
class Configuration:
    """How texts are compared. A changed value makes a new digest, and with it new rows beside the old ones.

    Two texts are near-duplicates when the Jaccard similarity of their sets of shingles reaches ``threshold``. Candidates come
    from locality-sensitive hashing: they agree in all ``rows`` values of at least one of ``bands`` bands of a one-permutation
    MinHash signature with ``bins`` bins. Over 9,741 texts of the demo (100 MB, 2,134 pairs of 0.7 or more) 36 bands of 7 find
    99.4 % of the pairs from 8,156 candidates, 32 bands of 8 find 96.1 % from 5,368, and 42 of 6 99.95 % from 17,062.

    Attributes:
        name: what people call it.
        words: ``words``, runs of word characters; or ``split``, what lies between separators, if only nothing.
        version: raised when the code changes what it computes.
        shingle: words in a row that make one shingle (see ``codecommons.shingles``). A text with fewer words has none, and is
            never a near-duplicate of anything: only its exact identity counts.
        bins: bins of the signature, a power of two.
        bands: bands of the signature.
        rows: signature values in a band.
        threshold: similarity from which a pair is accepted.
        floor: similarity from which a pair is kept at all, rejected when under the threshold.
        anchors: in a band with more members than this, members are compared with so many of smallest identifier only.
        most_bytes: longer contents are compared by exact identity only.
    """

    name: str = "words"
    words: str = "words"
    version: int = 2  # 2: crowded bands are recorded
    shingle: int = SHINGLE
    bins: int = 256
    bands: int = 36
    rows: int = 7
    threshold: float = 0.7
    floor: float = 0.5
    anchors: int = 64
    most_bytes: int = 10 << 20

    def key(self, settings: Settings) -> str:
        """The value of column ``configuration``: name and 12 hex digits over all that decides what a text's words are."""
        decided = [asdict(self), unicodedata.unidata_version, current(settings)["encoding"].digest]
        return f"{self.name}-{digest(decided)[:12]}"

    @property
    def empties(self) -> bool:
        """Whether empty words count."""
        return self.words == "split"


WORDS = Configuration()
# What The Stack v2 compared: its words, its threshold. Its pairs were those that shared a band, ours are compared exactly.
STACK_V2 = Configuration(name="stack-v2", words="split")
CONFIGURATIONS = {one.name: one for one in (WORDS, STACK_V2)}


def configuration_of(key: str) -> Configuration:
    """The configuration that a key begins with the name of; the default one for a name that nobody knows any more."""
    return CONFIGURATIONS.get(key.rpartition("-")[0], WORDS)


def configured(settings: Settings) -> Configuration:
    """What the lake's owner wants texts to be compared by.

    Raises:
        UsageError: there is no such configuration.
    """
    found = CONFIGURATIONS.get(settings.near_duplicates)
    if found is None:
        raise UsageError(
            f"CODECOMMONS_NEAR_DUPLICATES is {settings.near_duplicates!r}; {nearest(settings.near_duplicates, CONFIGURATIONS)}"
        )
    return found
