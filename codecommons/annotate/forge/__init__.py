# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the events of a forge say: issues and pull requests, and the repositories they are about.

Belongs here: what one event adds to a thread (``threads``), whom its texts call (``people``), who is a bot (``bots``), what it
says of a repository (``repositories``), reading JSON that may hold anything (``values``), and the text that a model is trained
on (``text``). Does not belong here: joining events to threads and threads to origins, which the views ``thread`` and
``repository`` do, whatever hours and days the events came in.
"""

from codecommons.annotate.forge.repositories import observations
from codecommons.annotate.forge.text import text_form
from codecommons.annotate.forge.threads import thread_event

__all__ = ["observations", "text_form", "thread_event"]
