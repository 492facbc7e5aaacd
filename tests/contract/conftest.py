import json
import pathlib
import subprocess
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "openapi.json"

#: The instant at which the host's clock stands.
NOW = "2026-11-22T12:00:00Z"


@pytest.fixture(scope="session")
def program():
    """The host's program. It is built with the command of the tests in Rust, so that nothing is built twice."""
    command = ["cargo", "test", "--workspace", "--test", "scenarios", "--no-run", "--message-format", "json"]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    messages = map(json.loads, built.stdout.splitlines())
    [program] = {
        message["executable"]
        for message in messages
        if message.get("executable") and message["target"]["name"] == "host" and "bin" in message["target"]["kind"]
    }
    return program


class Host:
    """The one-machine host, in a process of its own."""

    def __init__(self, program, folder):
        self._process = subprocess.Popen([program, folder], stdout=subprocess.PIPE, text=True)
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http://"), "the host starts"
        self.local("POST", "time", {"now": NOW})

    def stop(self):
        self._process.terminate()
        self._process.wait(timeout=60)

    def local(self, method, path, body=None):
        """Calls a route below /_local, which only this host has."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/_local/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def token(self, role, *accounts, **more):
        return self.local("POST", "token", {"role": role, "accounts": accounts, **more})["token"]

    def drain(self):
        """Waits until nothing is in flight."""
        self.local("POST", "drain")


@pytest.fixture
def host(program, tmp_path):
    host = Host(program, tmp_path / "data")
    yield host
    host.stop()


@pytest.fixture(scope="session")
def document():
    return json.loads(DOCUMENT.read_text())
