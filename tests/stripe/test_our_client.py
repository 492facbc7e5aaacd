"""What the product's own client sends, compared with Stripe's document."""

import json
import os
import subprocess

import document

TEST = "our_client::every_call_of_our_client_is_one_that_the_fake_takes"


def test_our_client_sends_what_stripe_takes(programs, tmp_path):
    file = tmp_path / "calls.json"
    subprocess.run([programs["fake_stripe"], "--exact", TEST], env={**os.environ, "CALLS": str(file)}, check=True)
    calls = json.loads(file.read_text())["calls"]
    assert len(calls) > 20
    for call in calls:
        document.check_parameters(call["method"], call["path"], call["parameters"])
