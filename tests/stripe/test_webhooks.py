"""Deliveries of the fake, verified by Stripe's own library."""

import http.server
import json
import threading

import pytest
import stripe

import document

SECRETS = ["whsec_old", "whsec_new"]


@pytest.fixture
def delivered(fake):
    """The deliveries so far, each with its signature."""
    seen = []

    class Endpoint(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            seen.append((body, self.headers["Stripe-Signature"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Keeps the output short."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    fake.control("webhook", {"url": url, "secrets": SECRETS})
    yield seen
    server.shutdown()


def test_deliveries_are_signed_with_both_secrets(fake, delivered):
    fake.paid()
    fake.control("deliveries/run")
    assert len(delivered) == 5
    for body, signature in delivered:
        for secret in SECRETS:
            assert stripe.WebhookSignature.verify_header(body, signature, secret, tolerance=300)
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.WebhookSignature.verify_header(body, signature, "whsec_other", tolerance=300)
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.WebhookSignature.verify_header(body + " ", signature, SECRETS[0], tolerance=300)


def test_a_delivery_is_an_event_as_it_is_listed(fake, delivered):
    intent = fake.paid()
    fake.control(f"charges/{intent.id}/dispute")
    fake.control("deliveries/run")
    listed = {event.id: event.to_dict() for event in fake.stripe.events.list({"limit": 100}).data}
    for body, _ in delivered:
        event = json.loads(body)
        document.check_object("event", event)
        document.check_object(event["data"]["object"]["object"], event["data"]["object"])
        assert event["pending_webhooks"] == 1
        assert {**event, "pending_webhooks": 0} == json.loads(json.dumps(listed.pop(event["id"])))
    assert not listed
