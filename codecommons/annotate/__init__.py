"""What is known about files, computed once each and kept for ever.

Belongs here: annotators (``annotators``, one file each, found by name), how they are run and keyed (``annotator``), the tables they
fill (``store``), the second stage (``stage``) and annotating files without a lake (``files``).
Does not belong here: decisions. An annotation is a signal; thresholds and verdicts are policies (``license``, ``datasets``).
"""

from codecommons.annotate.annotator import Annotator, current
from codecommons.annotate.stage import annotate_slice
from codecommons.annotate.store import annotations

__all__ = ["Annotator", "annotate_slice", "annotations", "current"]
