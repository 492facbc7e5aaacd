"""The comparison with Stripe's document finds contradictions."""

import json

import pytest

from document import Contradiction, check_answer, check_object, check_parameters

CONFIRM = ("POST", "/v1/payment_intents/pi_1/confirm")


@pytest.mark.parametrize(
    "method, path, parameters",
    [
        (*CONFIRM, "off_session=true&expand[]=latest_charge"),
        ("POST", "/v1/payment_intents", "amount=1000&currency=usd&metadata[a]=b&payment_method_types[0]=card"),
        ("GET", "/v1/events", "types[]=charge.refunded&delivery_success=false&created[gte]=1&limit=100"),
        ("DELETE", "/v1/customers/cus_1", ""),
    ],
)
def test_parameters_that_stripe_takes(method, path, parameters):
    check_parameters(method, path, parameters)


@pytest.mark.parametrize(
    "method, path, parameters",
    [
        (*CONFIRM, "colour=red"),
        (*CONFIRM, "return_url[a]=b"),
        ("POST", "/v1/payment_intents", "amount=1000"),
        ("POST", "/v1/payment_intents", "amount=ten&currency=usd"),
        ("POST", "/v1/payment_intents", "amount=1000&currency=usd&capture_method=never"),
        ("GET", "/v1/events", "delivery_success=maybe"),
        ("GET", "/v1/events", "kind=x"),
        ("GET", "/v1/customers/search", ""),
        ("PUT", "/v1/customers/cus_1", ""),
        ("GET", "/v1/lots", ""),
    ],
)
def test_parameters_that_stripe_does_not_take(method, path, parameters):
    with pytest.raises(Contradiction):
        check_parameters(method, path, parameters)


def test_answers(fake):
    intent = fake.intent("pm_card_visa").to_dict()
    check_object("payment_intent", intent)
    for wrong in [{"status": "done"}, {"amount": "1000"}, {"colour": "red"}, {"livemode": None}, {"next_action": {"type": 1}}]:
        with pytest.raises(Contradiction):
            check_object("payment_intent", {**intent, **wrong})
    check_answer("GET", "/v1/payment_intents/pi_1", 404, json.dumps({"error": {"type": "invalid_request_error"}}))
    with pytest.raises(Contradiction):
        check_answer("GET", "/v1/payment_intents/pi_1", 404, json.dumps({"error": {"type": "other"}}))
    with pytest.raises(Contradiction):
        check_answer("GET", "/v1/payment_intents/pi_1", 200, json.dumps({"error": {"type": "api_error"}}))
