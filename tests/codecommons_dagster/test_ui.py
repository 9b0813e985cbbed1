# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The web interface starts over a fresh home, loads the code location, and leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

QUERY = "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus locationOrLoadError { __typename } } } } }"


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port, query):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["data"]


def test_the_interface_loads_our_code_and_stops_cleanly_when_interrupted(tmp_path, port):
    command = [sys.executable, "-m", "codecommons_dagster.ui", "--port", str(port)]
    environment = {**os.environ, "CODECOMMONS_HOME": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(600):
                assert process.poll() is None
                try:
                    entries = ask(port, QUERY)["workspaceOrError"]["locationEntries"]
                    break
                except OSError:
                    time.sleep(1)
            assert entries == [
                {"name": "codecommons", "loadStatus": "LOADED", "locationOrLoadError": {"__typename": "RepositoryLocation"}}
            ]
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert not [line for line in processes() if str(port) in line and "dagster_webserver" in line]


def processes():
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return listed.splitlines()
