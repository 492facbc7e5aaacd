"""The one-machine host, for the tests in Python."""

import json
import pathlib
import subprocess
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]


def built_program():
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
    """The one-machine host, in a process of its own. Its clock stands at `now`."""

    def __init__(self, program, folder, now, *options):
        self._process = subprocess.Popen([program, folder, *options], stdout=subprocess.PIPE, text=True)
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http://"), "the host starts"
        if now is not None:
            self.local("POST", "time", {"now": now})

    def stop(self):
        self._process.terminate()
        self._process.wait(timeout=60)

    def local(self, method, path, body=None):
        """Calls a route below /_local, which only this host has."""
        return self._send(method, f"/_local/{path}", {}, body)

    def token(self, role, *accounts, **more):
        return self.local("POST", "token", {"role": role, "accounts": accounts, **more})["token"]

    def api(self, method, path, body=None, **headers):
        """Calls the API as the operator."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._send(method, f"/v1/{path}", {"Authorization": f"Bearer {self.token('operator')}", **headers}, body)

    def drain(self):
        """Waits until nothing is in flight."""
        self.local("POST", "drain")

    def _send(self, method, path, headers, body):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None
