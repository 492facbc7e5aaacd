"""The fake of Stripe, in a process of its own, with Stripe's client."""

import json
import pathlib
import subprocess
import urllib.parse
import urllib.request

import requests
import stripe

import document

ROOT = pathlib.Path(__file__).resolve().parents[2]


def built_programs():
    """The fake, and the tests in Rust that drive it. They are built with the command of those tests, so that nothing is built
    twice."""
    command = ["cargo", "test", "--workspace", "--test", "fake_stripe", "--no-run", "--message-format", "json"]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    messages = [message for message in map(json.loads, built.stdout.splitlines()) if message.get("executable")]
    return {message["target"]["name"]: message["executable"] for message in messages}


class Checked(stripe.RequestsClient):
    """A client whose calls and answers are compared with Stripe's document."""

    #: The operations that were checked.
    seen = set()

    def request(self, method, url, headers, post_data=None):
        answer, status, answer_headers = super().request(method, url, headers, post_data)
        url = urllib.parse.urlsplit(url)
        method = method.upper()
        parameters = post_data if method == "POST" else url.query
        # A refused request may be one that the document does not allow.
        if status < 400:
            document.check_parameters(method, url.path, parameters or "")
        document.check_answer(method, url.path, status, answer)
        self.seen.add((method, document.template(method, url.path)))
        return answer, status, answer_headers


class Fake:
    def __init__(self, program, *options):
        self._process = subprocess.Popen([program, *options], stdout=subprocess.PIPE, text=True)
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http://"), "the fake starts"
        client = stripe.StripeClient(
            "sk_test_1", base_addresses={"api": self.url}, http_client=Checked(), max_network_retries=0
        )
        self.stripe = client.v1

    def stop(self):
        self._process.terminate()
        self._process.wait(timeout=60)

    def control(self, path, body=None):
        """Calls a route that only the fake has."""
        answer = requests.post(f"{self.url}/_fake/{path}", json=body or {}, timeout=60)
        assert answer.ok, answer.text
        return answer.json() if answer.text else None

    def customer_with(self, token):
        """A new customer with a card."""
        customer = self.stripe.customers.create({"metadata": {"account": "acc_1"}})
        return customer.id, self.stripe.payment_methods.attach(token, {"customer": customer.id}).id

    def intent(self, token, **more):
        """A new payment intent of 10 dollars with this card, unconfirmed."""
        customer, card = self.customer_with(token)
        parameters = {"amount": 1000, "currency": "usd", "customer": customer, "payment_method": card}
        parameters |= {"payment_method_types": ["card"], "metadata": {"key": "k"}, **more}
        return self.stripe.payment_intents.create(parameters)

    def paid(self, token="pm_card_visa"):
        return self.stripe.payment_intents.confirm(self.intent(token).id, {"expand": ["latest_charge"]})
