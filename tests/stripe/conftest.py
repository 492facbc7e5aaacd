import pytest

from fake import Fake, built_programs


@pytest.fixture(scope="session")
def programs():
    return built_programs()


@pytest.fixture
def fake(programs):
    fake = Fake(programs["fake-stripe"])
    yield fake
    fake.stop()
