# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Read an archive somebody else made, as a stream, in bounded memory, without writing or following anything.

Whatever would leave the tree, or isn't a file, directory or link, refuses the whole archive: a tree without it would not be
what the archive says. (Of an archive of records, which is no tree, a member can be left out alone.) What becomes of the rest is
Software Heritage's rule for packages: a symbolic link is a file of mode 120000 whose content is the link's text, wherever it
points; a file is executable if its owner may execute it; members of a zip are plain files, links too; a member repeated later
replaces the earlier one, as unpacking would. Its loaders call ``swh.core.tarball.uncompress``, which is
``shutil.unpack_archive`` (of a zip, that writes bytes and no modes) and then a ``chmod`` of every file to 755 or 644; the tests
compare with that.

Belongs here: an archive or a packed file from beginning to end (``reading``), the members of each kind of archive (``tar``,
``zip``), decompressors of which each step is bounded (``streams``), what a member is and where it may lie (``member``), what
stops a bomb and says in one line what is wrong (``limits``). Does not belong here: making a tree of members (``archive.tree``).
"""

from codecommons.archive.unpack.member import Member, clean_path, large_hashes
from codecommons.archive.unpack.reading import is_archive, members, unpacked

__all__ = ["Member", "clean_path", "is_archive", "large_hashes", "members", "unpacked"]
