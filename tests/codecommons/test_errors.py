# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What may pass is told from what is permanent, where it happens and on its way through processes."""

import errno
import http.server
import pickle
import threading

import httpx2
import pytest

from codecommons.archive import add_inputs, download, ingest_slice
from codecommons.engine.local import InlineEngine
from codecommons.errors import GateError, ItemError, LakeError, UnreachableError, UsageError
from codecommons.lake.storage import lake_errors


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (UnreachableError("x"), True),
        (LakeError("the disk is full"), False),
        (UsageError("x"), False),
        (GateError("x"), False),
        (ItemError("unreachable", "the index can't be reached"), True),
        (ItemError("unreachable", "the server answered 404", passing=False), False),
        (ItemError("wrong-hash", "x"), False),
    ],
)
def test_an_error_says_whether_it_may_pass_and_says_it_in_another_process_too(error, passing):
    assert error.passing is passing
    again = pickle.loads(pickle.dumps(error))
    assert (again.passing, str(again)) == (passing, str(error))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ETIMEDOUT, "timed out"), UnreachableError),
        (OSError(errno.ESTALE, "stale file handle"), UnreachableError),
        (OSError("Generic S3 error: Error performing PUT: error sending request"), UnreachableError),
        (OSError("Generic S3 error: Server returned error 503: <Code>SlowDown</Code>"), UnreachableError),
        (OSError(errno.ENOSPC, "No space left on device"), LakeError),
        (OSError("Generic S3 error: <Code>SignatureDoesNotMatch</Code> on connect"), LakeError),
        (OSError("Generic S3 error: 403 Forbidden"), LakeError),
        (OSError("Parquet magic bytes not found"), LakeError),
    ],
)
def test_storage_that_does_not_answer_may_pass_and_storage_that_lets_nobody_in_does_not(error, kind):
    with pytest.raises(LakeError) as raised, lake_errors("reading the table"):
        raise error
    assert type(raised.value) is kind


@pytest.mark.parametrize(("status", "passing"), [(404, False), (403, False), (429, True), (503, True)])
def test_a_download_that_the_server_refuses_is_permanent_and_one_that_it_has_no_time_for_may_pass(
    settings, monkeypatch, status, passing
):
    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(status)

        def log_message(self, *arguments):
            pass

    monkeypatch.setattr(download, "WAIT", 0)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def stream(headers):
            return httpx2.stream("GET", f"http://127.0.0.1:{server.server_port}/a.tar.gz", headers=dict(headers))

        with pytest.raises(ItemError) as raised:
            download.download(stream, "a.tar.gz", "0" * 64, settings)
        server.shutdown()
    assert (raised.value.reason, raised.value.passing) == ("unreachable", passing)


def test_a_slice_that_brought_nothing_says_whether_that_may_pass(lake):
    add_inputs(lake, ["git:http://127.0.0.1:9/x.git"], "2026-01-31")
    report = ingest_slice(lake, InlineEngine(), "2026-01-31", "git")
    [red] = [check for check in report.checks if not check.passed]
    assert (red.name, red.passing) == ("no_empty_success", True)
