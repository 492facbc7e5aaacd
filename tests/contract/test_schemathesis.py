"""schemathesis generates valid and invalid requests from docs/openapi.json. Every answer must be one that the document allows."""

import pathlib
import subprocess
import sys

from conftest import DOCUMENT

CONFIG = pathlib.Path(__file__).with_name("schemathesis.toml")


def test_every_answer_is_as_the_document_says(host, tmp_path):
    program = pathlib.Path(sys.executable).with_name("schemathesis")
    options = ["--url", host.url, "--header", f"Authorization: Bearer {host.token('operator')}", "--no-color"]
    command = [program, "--config-file", CONFIG, "run", DOCUMENT, *options]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr
