"""Stripe's own client drives the fake. Each request and answer is compared with Stripe's document."""

import pytest
import stripe

import document
from fake import Checked

#: Every operation that the fake has.
OPERATIONS = {
    ("DELETE", "/v1/customers/{customer}"),
    ("GET", "/v1/charges"),
    ("GET", "/v1/charges/{charge}"),
    ("GET", "/v1/checkout/sessions"),
    ("GET", "/v1/checkout/sessions/{session}"),
    ("GET", "/v1/customers"),
    ("GET", "/v1/customers/search"),
    ("GET", "/v1/customers/{customer}"),
    ("GET", "/v1/customers/{customer}/payment_methods"),
    ("GET", "/v1/customers/{customer}/payment_methods/{payment_method}"),
    ("GET", "/v1/disputes"),
    ("GET", "/v1/disputes/{dispute}"),
    ("GET", "/v1/events"),
    ("GET", "/v1/events/{id}"),
    ("GET", "/v1/payment_intents"),
    ("GET", "/v1/payment_intents/{intent}"),
    ("GET", "/v1/payment_methods"),
    ("GET", "/v1/payment_methods/{payment_method}"),
    ("GET", "/v1/refunds"),
    ("GET", "/v1/refunds/{refund}"),
    ("GET", "/v1/setup_intents/{intent}"),
    ("POST", "/v1/checkout/sessions"),
    ("POST", "/v1/checkout/sessions/{session}/expire"),
    ("POST", "/v1/customers"),
    ("POST", "/v1/customers/{customer}"),
    ("POST", "/v1/payment_intents"),
    ("POST", "/v1/payment_intents/{intent}/cancel"),
    ("POST", "/v1/payment_intents/{intent}/confirm"),
    ("POST", "/v1/payment_methods/{payment_method}"),
    ("POST", "/v1/payment_methods/{payment_method}/attach"),
    ("POST", "/v1/payment_methods/{payment_method}/detach"),
    ("POST", "/v1/refunds"),
}


def test_the_client_and_the_document_have_one_version():
    assert stripe.api_version == document.VERSION == "2026-05-27.dahlia"


def test_customers(fake):
    customers = fake.stripe.customers
    customer = customers.create({"name": "Acme", "email": "a@acme.example", "metadata": {"account": "acc_1"}})
    assert customers.update(customer.id, {"metadata": {"account": "acc_2"}}).metadata["account"] == "acc_2"
    query = {"query": "metadata['account']:'acc_2'"}
    assert not customers.search(query).data
    fake.control("search")
    assert [found.id for found in customers.search(query).data] == [customer.id]
    assert [found.id for found in customers.list({"email": "a@acme.example"}).data] == [customer.id]
    assert customers.delete(customer.id).deleted
    assert customers.retrieve(customer.id).deleted
    with pytest.raises(stripe.InvalidRequestError) as refused:
        customers.retrieve("cus_none")
    assert refused.value.code == "resource_missing"


def test_cards(fake):
    customer, card = fake.customer_with("pm_card_mastercard")
    methods = fake.stripe.payment_methods
    assert methods.retrieve(card).card.last4 == "4444"
    assert methods.update(card, {"card": {"exp_month": 1, "exp_year": 2030}}).card.exp_year == 2030
    assert [found.id for found in methods.list({"customer": customer, "type": "card"}).data] == [card]
    of_customer = fake.stripe.customers.payment_methods
    assert [found.id for found in of_customer.list(customer).data] == [card]
    assert of_customer.retrieve(customer, card).id == card
    assert methods.detach(card).customer is None


def test_sessions(fake):
    customer = fake.stripe.customers.create().id
    sessions = fake.stripe.checkout.sessions
    parameters = {
        "mode": "setup",
        "customer": customer,
        "payment_method_types": ["card"],
        "success_url": "https://portal.example/back?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://portal.example/back",
        "metadata": {"account": "acc_1"},
        "locale": "fr",
    }
    session = sessions.create(parameters)
    assert sessions.expire(sessions.create(parameters).id).status == "expired"
    fake.control(f"checkout/sessions/{session.id}/enter", {"card": "pm_card_visa"})
    complete = sessions.retrieve(session.id, {"expand": ["setup_intent.payment_method"]})
    assert complete.status == "complete"
    assert complete.setup_intent.payment_method.card.last4 == "4242"
    assert fake.stripe.setup_intents.retrieve(complete.setup_intent.id).status == "succeeded"
    assert len(sessions.list({"customer": customer}).data) == 2


def test_charges(fake):
    intents = fake.stripe.payment_intents
    paid = fake.paid()
    assert paid.latest_charge.status == "succeeded"
    assert fake.stripe.charges.retrieve(paid.latest_charge.id, {"expand": ["refunds"]}).paid
    assert len(fake.stripe.charges.list({"payment_intent": paid.id}).data) == 1
    cancelled = intents.cancel(fake.intent("pm_card_visa").id, {"cancellation_reason": "abandoned"})
    assert cancelled.status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        intents.cancel(paid.id)
    assert refused.value.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    "token, code, decline_code",
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_radarBlock", "card_declined", "fraudulent"),
    ],
)
def test_declines(fake, token, code, decline_code):
    intent = fake.intent(token)
    with pytest.raises(stripe.CardError) as declined:
        fake.stripe.payment_intents.confirm(intent.id, {"off_session": True})
    assert (declined.value.code, declined.value.error.decline_code) == (code, decline_code)
    assert declined.value.error.payment_intent.id == intent.id
    seen = fake.stripe.payment_intents.retrieve(intent.id, {"expand": ["latest_charge", "customer"]})
    assert seen.status == "requires_payment_method"
    assert seen.latest_charge.status == "failed"
    assert seen.customer.id == intent.customer


def test_a_charge_that_wants_its_owner(fake):
    intents = fake.stripe.payment_intents
    intent = fake.intent("pm_card_authenticationRequired")
    with pytest.raises(stripe.CardError) as declined:
        intents.confirm(intent.id, {"off_session": True})
    assert declined.value.code == "authentication_required"
    card = declined.value.error.payment_intent.last_payment_error.payment_method.id
    parameters = {"payment_method": card, "return_url": "https://portal.example/back"}
    asked = intents.confirm(intent.id, parameters)
    assert asked.next_action.redirect_to_url.return_url == "https://portal.example/back"
    fake.control(f"payment_intents/{intent.id}/authenticate", {"approved": False})
    refused = intents.retrieve(intent.id)
    assert refused.last_payment_error.code == "payment_intent_authentication_failure"
    intents.confirm(intent.id, parameters)
    fake.control(f"payment_intents/{intent.id}/authenticate", {"approved": True})
    assert intents.retrieve(intent.id).status == "succeeded"


def test_a_charge_in_progress(fake):
    intent = fake.paid("pm_fake_processing")
    assert intent.status == "processing"
    fake.control(f"payment_intents/{intent.id}/settle")
    assert fake.stripe.payment_intents.retrieve(intent.id).status == "succeeded"


def test_lists_are_paged(fake):
    customer, card = fake.customer_with("pm_card_visa")
    parameters = {"amount": 1000, "currency": "usd", "customer": customer, "payment_method": card}
    created = [fake.stripe.payment_intents.create(parameters).id for _ in range(5)]
    pages = fake.stripe.payment_intents.list({"customer": customer, "limit": 2, "expand": ["data.payment_method"]})
    seen = list(pages.auto_paging_iter())
    assert [intent.id for intent in seen] == created[::-1]
    assert seen[0].payment_method.id == card


def test_refunds(fake):
    refunds = fake.stripe.refunds
    intent = fake.paid()
    refund = refunds.create({"payment_intent": intent.id, "amount": 400, "metadata": {"key": "k"}})
    fake.control(f"refunds/{refund.id}/fail")
    assert refunds.retrieve(refund.id).failure_reason == "lost_or_stolen_card"
    refunds.create({"charge": intent.latest_charge.id, "reason": "requested_by_customer"})
    assert [found.amount for found in refunds.list({"payment_intent": intent.id}).data] == [1000, 400]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_already_refunded"
    late = refunds.create({"payment_intent": fake.paid("pm_card_pendingRefund").id})
    assert late.status == "pending"


@pytest.mark.parametrize("currency", ["usd", "eur"])
def test_disputes(fake, currency):
    disputes = fake.stripe.disputes
    intent = fake.intent("pm_card_visa", currency=currency)
    fake.stripe.payment_intents.confirm(intent.id)
    dispute = fake.control(f"charges/{intent.id}/dispute", {"inquiry": True})
    assert disputes.retrieve(dispute["id"]).status == "warning_needs_response"
    fake.control(f"charges/{intent.id}/dispute/withdraw")
    fake.control(f"charges/{intent.id}/dispute/close", {"outcome": "won"})
    [seen] = disputes.list({"payment_intent": intent.id, "expand": ["data.charge"]}).data
    assert (seen.status, len(seen.balance_transactions)) == ("won", 2)
    assert seen.charge.disputed


def test_events(fake):
    fake.paid()
    events = list(fake.stripe.events.list({"limit": 2, "created": {"gte": 1}}).auto_paging_iter())
    assert [event.type for event in events][::-1] == [
        "customer.created",
        "payment_method.attached",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]
    chosen = fake.stripe.events.list({"types": ["charge.succeeded"], "delivery_success": True})
    assert fake.stripe.events.retrieve(chosen.data[0].id).data.object["object"] == "charge"


def test_idempotency(fake):
    create = fake.stripe.customers.create
    first = create({"name": "Acme"}, {"idempotency_key": "key"})
    assert create({"name": "Acme"}, {"idempotency_key": "key"}).id == first.id
    with pytest.raises(stripe.IdempotencyError):
        create({"name": "Other"}, {"idempotency_key": "key"})


@pytest.mark.parametrize(
    "status, error",
    [
        (401, stripe.AuthenticationError),
        (403, stripe.PermissionError),
        (409, stripe.APIError),
        (429, stripe.RateLimitError),
        (500, stripe.APIError),
    ],
)
def test_injected_refusals(fake, status, error):
    fake.control("faults", {"moment": "before", "kind": {"answer": {"status": status}}})
    with pytest.raises(error) as refused:
        fake.stripe.customers.create()
    assert refused.value.http_status == status


def test_a_lost_connection(fake):
    fake.control("faults", {"moment": "after", "kind": "close"})
    with pytest.raises(stripe.APIConnectionError):
        fake.stripe.customers.create({}, {"idempotency_key": "key"})
    created = fake.stripe.customers.create({}, {"idempotency_key": "key"})
    assert [customer.id for customer in fake.stripe.customers.list().data] == [created.id]


def test_every_operation_was_compared():
    """The last test of this file: it looks back at the others."""
    assert OPERATIONS == Checked.seen
