"""Stripe's command line makes events happen in the fake, as a developer does with `stripe trigger`."""

import os
import subprocess

import pytest

PROGRAM = os.environ["STRIPE_CLI"]


@pytest.mark.skipif(not os.path.exists(PROGRAM), reason="Stripe's command line is not published for this machine")
@pytest.mark.parametrize(
    "event",
    [
        "customer.created",
        "payment_method.attached",
        "payment_intent.created",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "charge.failed",
        "charge.refunded",
        "charge.dispute.created",
    ],
)
def test_trigger(fake, tmp_path, event):
    command = [PROGRAM, "trigger", event, "--api-base", fake.url, "--api-key", "sk_test_123456789012"]
    environment = {**os.environ, "HOME": str(tmp_path), "STRIPE_CLI_TELEMETRY_OPTOUT": "1"}
    subprocess.run(command, env=environment, timeout=60, check=True)
    assert fake.stripe.events.list({"types": [event]}).data
