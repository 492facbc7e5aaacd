"""The runbook is right: its commands are run as they are printed, in their order, on the deployed stack.

They come after the tests of test_deployed.py, since they stop the stack, and restore its books.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cloud import REGION, STACK
from template import ROOT

# Blocks of commands, but for those that the emulator does not know (`sh emulator=no`). The others begin with the first.
FIRST, *BLOCKS = re.findall(r"^ *```sh\n(.*?)^ *```$", (ROOT / "docs/runbook.md").read_text(), re.M | re.S)

ACCOUNT = "runbook"


@pytest.fixture(scope="module")
def account(stack):
    """An account with something in its books."""
    stack.operator.open(ACCOUNT)
    stack.operator.post(f"/v1/accounts/{ACCOUNT}/purchases", {"amount": "50"}, Idempotency_Key="first").expect(201)
    return stack.operator.account(ACCOUNT)


def run(stack, commands):
    """Runs commands as somebody would who has the AWS CLI, except that AWS is elsewhere."""
    here = f'aws() {{ command aws --endpoint-url {stack.cloud.url} "$@"; }}\n'
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "STACK": STACK,
        "ACCOUNT": ACCOUNT,
    }
    command = ["bash", "-euo", "pipefail", "-c", here + FIRST + commands]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FunctionError" not in done.stdout, done.stdout
    return done.stdout


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[0].strip()[:70])
def test_the_commands_run(stack, account, block):
    run(stack, block)


def test_the_books_that_were_restored_are_right_and_in_use(stack, account):
    assert stack.operator.account(ACCOUNT) == account
    assert '"differences":0' in run(stack, "invoke reconcile '{}'").replace(" ", "")
    stack.operator.post(f"/v1/accounts/{ACCOUNT}/purchases", {"amount": "50"}, Idempotency_Key="second").expect(201)
    table, key = f"{STACK}-accounts-restored", {"accountId": {"S": ACCOUNT}, "part": {"S": "core"}}
    core = stack.cloud.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    assert core["version"]["N"] == str(stack.operator.account(ACCOUNT)["version"])
