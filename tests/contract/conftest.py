import json

import pytest

from host import ROOT, Host, built_program

DOCUMENT = ROOT / "docs" / "openapi.json"

#: The instant at which the host's clock stands.
NOW = "2026-11-22T12:00:00Z"


@pytest.fixture(scope="session")
def program():
    return built_program()


@pytest.fixture
def host(program, tmp_path):
    host = Host(program, tmp_path / "data", NOW)
    yield host
    host.stop()


@pytest.fixture(scope="session")
def document():
    return json.loads(DOCUMENT.read_text())
