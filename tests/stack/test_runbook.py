"""The commands of the runbook are run as they are printed, in their order, on the deployed stack.

They run after the tests of test_deployed.py, since they stop the stack and restore its books.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cloud import REGION, STACK
from template import ROOT

# The blocks of commands, without those that the emulator does not support (`sh emulator=no`). Each block needs the first one.
FIRST, *BLOCKS = re.findall(r"^ *```sh\n(.*?)^ *```$", (ROOT / "docs/runbook.md").read_text(), re.M | re.S)

ACCOUNT = "runbook"

# Resources outside the stack that the commands use: a reader's rule on the bus, and the platform's role.
READER, PLATFORM = "reader", "platform"


@pytest.fixture(scope="module")
def account(stack):
    """An account with a purchase."""
    stack.operator.open(ACCOUNT)
    stack.operator.post(f"/v1/accounts/{ACCOUNT}/purchases", {"amount": "50"}, Idempotency_Key="first").expect(201)
    return stack.operator.account(ACCOUNT)


@pytest.fixture(scope="module")
def others(stack):
    """Creates resources outside the stack: an archive (the emulator's stack has none), a reader's rule, the platform's role."""
    events = stack.cloud.client("events")
    bus = events.describe_event_bus(Name=stack.outputs["EventBus"])["Arn"]
    events.create_archive(ArchiveName="everything", EventSourceArn=bus)
    pattern = json.dumps({"source": ["communications-credits"]})
    rule = events.put_rule(Name=READER, EventBusName=stack.outputs["EventBus"], EventPattern=pattern)["RuleArn"]
    iam = stack.cloud.client("iam")
    iam.create_role(RoleName=PLATFORM, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    iam.attach_role_policy(RoleName=PLATFORM, PolicyArn=stack.outputs["DebitsSender"])
    return {"bus": bus, "rule": rule}


@pytest.fixture(scope="module")
def new_tables(tmp_path_factory):
    """A folder with a file for each table that has refused its backups once."""
    return tmp_path_factory.mktemp("new-tables")


# On AWS a new table refuses its backups at first. The emulator does not, so this function refuses them.
REFUSAL = """
  if [[ "$1 $2" == "dynamodb update-continuous-backups" && ! -e "$NEW_TABLES/$4" ]]; then
    touch "$NEW_TABLES/$4"
    return 254
  fi
"""


def run(stack, commands, new_tables):
    """Runs commands in a shell with the AWS CLI, which calls the emulator."""
    here = f'aws() {{ {REFUSAL} command aws --endpoint-url {stack.cloud.url} "$@"; }}\n'
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "STACK": STACK,
        "ACCOUNT": ACCOUNT,
        "NEW_TABLES": str(new_tables),
    }
    command = ["bash", "-euo", "pipefail", "-c", here + FIRST + commands]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FunctionError" not in done.stdout, done.stdout
    return done.stdout


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[0].strip()[:70])
def test_the_commands_run(stack, account, others, new_tables, block):
    run(stack, block, new_tables)


def test_a_replay_is_for_the_new_reader_alone(stack, others):
    events = stack.cloud.client("events")
    [replay] = events.list_replays(NamePrefix=READER)["Replays"]
    destination = events.describe_replay(ReplayName=replay["ReplayName"])["Destination"]
    assert destination == {"Arn": others["bus"], "FilterArns": [others["rule"]]}


def test_restored_tables_have_their_backups_though_they_refuse_at_first(stack, new_tables):
    tables = {f"{STACK}-{table}-restored" for table in ("accounts", "journal", "payments")}
    assert {path.name for path in new_tables.iterdir()} == tables
    for table in tables:
        backups = stack.cloud.client("dynamodb").describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_no_role_has_the_policy_that_would_hold_up_a_deletion(stack):
    attached = stack.cloud.client("iam").list_attached_role_policies(RoleName=PLATFORM)["AttachedPolicies"]
    assert attached == []


def test_the_books_that_were_restored_are_right_and_in_use(stack, account, new_tables):
    assert stack.operator.account(ACCOUNT) == account
    assert '"differences":0' in run(stack, "invoke reconcile '{}'", new_tables).replace(" ", "")
    stack.operator.post(f"/v1/accounts/{ACCOUNT}/purchases", {"amount": "50"}, Idempotency_Key="second").expect(201)
    table, key = f"{STACK}-accounts-restored", {"accountId": {"S": ACCOUNT}, "part": {"S": "core"}}
    core = stack.cloud.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    assert core["version"]["N"] == str(stack.operator.account(ACCOUNT)["version"])
