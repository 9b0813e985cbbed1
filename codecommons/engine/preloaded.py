# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The last module that the fork server imports: what it holds by now stays for ever, and no collector has to look at it.

Else each worker's collector walks the objects of every library again and again, and each walk writes into pages that workers
would otherwise share.
"""

import gc

gc.collect()
gc.freeze()
