"""Moved to ``codecommons.strict``, which licence policies share; import it from there."""

from codecommons.strict import *  # noqa: F403
