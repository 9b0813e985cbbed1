# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What is known about files, computed once each and kept for ever.

Belongs here: annotators (``annotators``, one file each, found by name), how they are run and keyed (``annotator``), the tables
they fill (``store``), the second stage (``stage``), annotating files without a lake (``files``), and the versions of files that
commits left behind (``commits``).
What annotators share: their columns (``columns``), languages (``languages``), texts in wide encodings (``wide``), notebooks
(``notebooks``), licence expressions (``expressions``), known licence texts (``notices``), ScanCode (``scancode``), statements
of copyright (``copyright``), secrets and personal data (``spans``), the manifests of packages (``manifests``), what quality
filters look at (``signals``), syntax trees (``syntax``), what is asked in a process of its own (``child``), the user's
benchmarks (``benchmarks``), and where a trained classifier plugs in (``scorers``).
What records of feeds say: reading them (``feed``; ``feeds``, one file each, found by name), the events of a forge (``forge``;
the marks of their text form, ``marks``), vulnerabilities (``vulnerabilities``) and mentions of software (``mentions``).
Does not belong here: decisions. An annotation is a signal; thresholds and verdicts are policies (``license``, ``datasets``).
"""

from codecommons.annotate.annotator import Annotator, current, prepare
from codecommons.annotate.files import annotate_files
from codecommons.annotate.stage import annotate_slice

__all__ = ["Annotator", "annotate_files", "annotate_slice", "current", "prepare"]
