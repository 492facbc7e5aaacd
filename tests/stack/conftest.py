import pytest

import cloud as emulator


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    cloud = emulator.Cloud(tmp_path_factory.mktemp("cloud"))
    yield cloud
    cloud.stop()


@pytest.fixture(scope="session")
def stack(cloud):
    issuer = emulator.Issuer()
    yield emulator.Stack(cloud, issuer)
    issuer.stop()
