"""Tests of the deployed stack: the functions' programs, called through API, queues, stream, bus and schedules.

The tests run in order on one stack, since the later ones put its clock forward.
"""

import hmac
import json
import os
import random
import re
import signal
import time
import urllib.parse
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from cloud import STACK, Api, Browser, wait_until


# After this time, a message of any queue is visible again if its function failed.
VISIBLE_AGAIN = timedelta(minutes=13)


def instant(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def call(number, at, charge="1.0000"):
    """A finished call with a charge."""
    return {
        "id": f"call-{number}",
        "service": "userOut",
        "number": "+33140000000",
        "startedAt": instant(at),
        "durationSeconds": 60,
        "charge": charge,
        "currency": "EUR",
    }


def an_hour_ago(stack):
    return stack.cloud.clock.now() - timedelta(hours=1)


def buy(stack, account, amount, key="first"):
    body = {"amount": amount}
    return stack.operator.post(f"/v1/accounts/{account}/purchases", body, Idempotency_Key=key).expect(201)


def recharge_at(stack, account, trigger, amount):
    settings = {"enabled": True, "triggerAmount": trigger, "rechargeAmount": amount}
    stack.operator.put(f"/v1/accounts/{account}/auto-recharge", settings).expect(200)


def balance(stack, account):
    return Decimal(stack.operator.account(account)["balance"])


def all_mails(stack):
    everybody = stack.cloud.read("/_ministack/ses/messages")["messages"]
    return [mail for sent in everybody.values() for mail in sent]


def mails(stack, to):
    """The subjects of the mails to an address."""
    return [mail["Subject"] for mail in all_mails(stack) if to in mail["To"]]


def all_is_told(stack):
    """Whether the queue of mails is empty twice, a second apart, so that the events of the stream have arrived too."""
    for _ in range(2):
        if waiting(stack, "NotifyQueue"):
            return False
        time.sleep(1)
    return True


def charges(stack, account):
    """The charges of an account, from the card processor's own records."""
    items = stack.cloud.client("dynamodb").scan(TableName=stack.resource("SandboxTable"))["Items"]
    of_account = [item for item in items if account in json.dumps(item) and "amount" in item]
    return [item for item in of_account if item.get("state", {}).get("S") == "succeeded"]


def send(stack, account, records, deduplication):
    """Sends finished calls to the queue as the platform does, in the group of the account."""
    stack.cloud.client("sqs").send_message(
        QueueUrl=stack.outputs["DebitsQueue"],
        MessageBody=records if isinstance(records, str) else json.dumps({"accountId": account, "records": records}),
        MessageGroupId=account,
        MessageDeduplicationId=deduplication,
    )


def waiting(stack, logical_id, in_flight=False):
    """The number of messages in a queue: all, or only those in flight."""
    names = ["ApproximateNumberOfMessagesNotVisible"] + ([] if in_flight else ["ApproximateNumberOfMessages"])
    queue = stack.resource(logical_id)
    attributes = stack.cloud.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(number) for number in attributes.values())


def invoke(stack, function, event):
    answer = stack.cloud.client("lambda").invoke(FunctionName=f"{STACK}-{function}", Payload=json.dumps(event))
    body = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, body
    return body


def test_x1_only_a_good_token_is_answered(stack):
    stack.operator.open("access")
    assert Api(stack, None).get("/v1/accounts").status == 401
    assert Api(stack, stack.issuer.token("operator", audience="others")).get("/v1/accounts").status == 401
    expired = stack.issuer.token("operator", lifetime=timedelta(hours=-1))
    assert Api(stack, expired).get("/v1/accounts").status == 401
    viewer = Api(stack, stack.issuer.token("viewer", ["access"]))
    assert viewer.account("access")["status"] == "depleted"
    assert viewer.get("/v1/accounts/somebody-else").status == 404
    refused = viewer.post("/v1/accounts/access/purchases", {"amount": "50.00"}, Idempotency_Key="one")
    assert refused.status == 403
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_x1_a_token_of_entra_id_is_answered(stack):
    """Entra ID lists app roles in `roles`, and cannot set `role`."""
    stack.operator.open("entra")
    staff = Api(stack, stack.issuer.token_of({"sub": "ada", "roles": ["operator"]}))
    assert staff.account("entra")["accountId"] == "entra"
    reader = Api(stack, stack.issuer.token_of({"sub": "grace", "roles": ["viewer"], "accounts": "entra"}))
    assert reader.account("entra")["accountId"] == "entra"
    assert reader.get("/v1/accounts").status == 403
    nobody = Api(stack, stack.issuer.token_of({"sub": "mary", "roles": ["User.Read"]}))
    assert nobody.get("/v1/accounts/entra").status == 403


def test_the_portal_is_served_with_its_headers(stack):
    visitor = Browser(stack, language="fr")
    page = visitor.get("/sign-in")
    assert page.status == 200
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.headers["Strict-Transport-Security"]
    text = page.body.decode()
    assert "Connectez-vous au Centre d’administration" in text
    sheet = re.search(r'href="(/assets/portal\.[^"]+\.css)"', text)[1]
    style = visitor.get(sheet, **{"Accept-Encoding": "gzip"})
    assert (style.status, style.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert style.headers["Content-Encoding"] == "gzip"
    assert b"color-scheme" in style.body, "what was compressed is the sheet"
    # Neither a page nor a form of the portal takes the place of a route of the API.
    nothing = visitor.get("/v1/nothing")
    assert (nothing.status, nothing.headers["Content-Type"]) == (404, "application/problem+json")
    assert visitor.post("/accounts/x/notifications", {}, site="cross-site").status == 403


def test_an_administrator_signs_in_to_the_portal_and_buys_funds(stack):
    stack.operator.open("people")
    ada = Browser(stack)
    sent_away = ada.get("/products")
    assert (sent_away.status, sent_away.headers["Location"]) == (303, "/sign-in?to=%2Fproducts")
    issuer = ada.get("/sign-in/start?to=%2Fproducts")
    assert issuer.headers["Location"].startswith(f"{stack.issuer.url}/authorize?")
    back = stack.issuer.sign_in(issuer.headers["Location"], "admin", ["people"], name="Ada Lovelace")
    signed_in = ada.get(f"/sign-in/return?{urllib.parse.urlencode(back)}")
    assert (signed_in.status, signed_in.headers["Location"]) == (303, "/products"), signed_in.body
    products = ada.get("/products")
    assert products.status == 200
    text = products.body.decode()
    assert "Ada Lovelace" in text and "Communications Credits" in text and "People" in text
    review = ada.get("/accounts/people/funds/review?amount=50.00")
    review = ada.get(review.headers["Location"])
    key = re.search(r'name="key" value="([^"]+)"', review.body.decode())[1]
    paid = ada.post("/accounts/people/purchases", {"amount": "50.00", "key": key, "currency": "EUR"})
    assert paid.status == 303, paid.body
    assert "Payment received" in ada.get(paid.headers["Location"]).body.decode()
    assert balance(stack, "people") == Decimal("50")
    assert ada.get("/accounts/access").status == 404, "another organization's account"
    assert ada.get("/operator/accounts").status == 404


def test_roles_are_what_functions_may_do(stack):
    """The emulator enforces the functions' roles: a function whose policy is deleted fails."""
    stack.operator.open("role")
    iam = stack.cloud.client("iam")
    role = {"RoleName": stack.resource("AccountRole"), "PolicyName": "account"}
    policy = json.dumps(iam.get_role_policy(**role)["PolicyDocument"])
    iam.delete_role_policy(**role)
    try:
        assert stack.operator.get("/v1/accounts/role").status == 500
    finally:
        iam.put_role_policy(**role, PolicyDocument=policy)
    assert stack.operator.account("role")["accountId"] == "role"


def test_s1_funds_are_bought_and_pay_for_calls(stack):
    stack.operator.open("acme", emails=["ada@acme.example"])
    bought = buy(stack, "acme", "100.00")
    assert bought["status"] == "succeeded"
    # A repeat with the same key is the same purchase (F3).
    assert buy(stack, "acme", "100.00")["purchaseId"] == bought["purchaseId"]
    assert len(charges(stack, "acme")) == 1

    record = call(1, an_hour_ago(stack))
    rated_by_us = {**call(2, an_hour_ago(stack)), "durationSeconds": 61}
    del rated_by_us["charge"], rated_by_us["currency"]
    answer = stack.operator.post("/v1/accounts/acme/debits", {"records": [record, rated_by_us, record]}).expect(200)
    assert [result["status"] for result in answer["results"]] == ["accepted", "accepted", "duplicate"]
    price = stack.operator.get("/v1/rates?service=userOut&number=%2B33140000000&currency=EUR").expect(200)["rate"]
    # Two begun minutes, of 60 seconds each (S5).
    expected = Decimal(price["connectionFee"]) + 2 * Decimal(price["perMinute"])
    assert balance(stack, "acme") == 99 - expected
    # The purchase's receipt, by mail (N7) and as PDF (F8).
    wait_until(lambda: mails(stack, "ada@acme.example"), "the receipt is sent")
    pdf = stack.operator.get(f"/v1/accounts/acme/purchases/{bought['purchaseId']}/receipt").expect(200)
    assert pdf.startswith(b"%PDF")


def test_c1_a_call_is_authorized_and_its_record_ends_the_hold(stack):
    stack.operator.open("asking")
    buy(stack, "asking", "50.00")
    stack.operator.put("/v1/accounts/asking/limits", {"perUserMonthly": "40.00"}).expect(200)
    path = "/v1/accounts/asking/authorizations"
    held = lambda: Decimal(stack.operator.account("asking")["held"])

    def ask(call_id):
        leg = {"callId": call_id, "userId": "ada", "service": "userOut", "number": "+33140000000", "maxDurationSeconds": 60}
        answer = stack.operator.post(path, leg).expect(200)
        assert answer["allowed"] and answer["maxDurationSeconds"] == 58
        return answer["holdId"]

    first, second = ask("first"), ask("second")
    price = held() / 2
    assert price > 0
    assert stack.operator.put(f"{path}/{first}", {"maxDurationSeconds": 120}).expect(200)["maxDurationSeconds"] == 118
    stack.operator.call("DELETE", f"{path}/{second}").expect(204)
    record = {**call(1, an_hour_ago(stack)), "userId": "ada", "holdId": first}
    stack.operator.post("/v1/accounts/asking/debits", {"records": [record]}).expect(200)
    assert held() == 0
    ask("third")
    stack.operator.call("DELETE", f"{path}?node=nobody").expect(204)
    assert held() == price
    stack.operator.call("DELETE", f"{path}?callId=third").expect(204)
    assert held() == 0


def test_s2_calls_from_the_queue_are_applied_once_each(stack):
    accounts = ["queue-one", "queue-two"]
    for account in accounts:
        stack.operator.open(account)
        buy(stack, account, "1000.00")
    start = an_hour_ago(stack)
    for batch in range(20):
        for account in accounts:
            records = [call(f"{batch}-{number}", start) for number in range(5)]
            send(stack, account, records, f"{batch}")
            if batch % 3 == 0:
                send(stack, account, records, f"{batch} again")
    for account in accounts:
        wait_until(lambda: balance(stack, account) == 900, f"100 calls of {account} are paid for")
    wait_until(lambda: waiting(stack, "DebitsQueue") == 0, "the queue is empty")
    assert [balance(stack, account) for account in accounts] == [900, 900]


def test_s3_a_record_that_the_queue_brings_and_is_rejected_is_kept(stack):
    stack.operator.open("rejected")
    start = an_hour_ago(stack)
    good, bad = call("good", start), {**call("bad", start), "durationSeconds": -1}
    send(stack, "rejected", [bad, good], "both")
    kept = wait_until(lambda: stack.operator.transactions("rejected", "rejected"), "the rejection is kept")
    assert [row["recordId"] for row in kept] == ["call-bad"]
    assert balance(stack, "rejected") == -1


def test_r2_a_low_balance_is_recharged_and_people_are_told(stack):
    stack.operator.open("low", emails=["grace@low.example"])
    buy(stack, "low", "100.00")
    recharge_at(stack, "low", trigger="50.00", amount="60.00")
    stack.operator.post("/v1/accounts/low/debits", {"records": [call(1, an_hour_ago(stack), "60.0000")]}).expect(200)
    wait_until(lambda: balance(stack, "low") == 100, "60.00 are charged")
    told = wait_until(
        lambda: [subject for subject in mails(stack, "grace@low.example") if "60.00" in subject],
        "the recharge is told",
    )
    assert len(told) == 1
    assert [Decimal(row["amount"]) for row in stack.operator.transactions("low", "recharge")] == [60]
    assert stack.operator.account("low")["autoRecharge"]["state"] == "armed"


def test_f10_a_message_of_the_card_processor_saves_a_card(stack):
    """The person enters a card, and never comes back. The processor's message is signed, queued and handled."""
    stack.operator.open("entered")
    begun = stack.operator.post("/v1/accounts/entered/payment-method/setup", {}).expect(200)
    set_up = begun["url"].rsplit("/", 1)[1]
    stack.cloud.client("dynamodb").update_item(
        TableName=stack.resource("SandboxTable"),
        Key={"id": {"S": set_up}},
        UpdateExpression="SET #state = :complete, #method = :card",
        ExpressionAttributeNames={"#state": "state", "#method": "method"},
        ExpressionAttributeValues={":complete": {"S": "complete"}, ":card": {"S": "pm_card_mastercard"}},
    )
    message = {
        "id": "evt_1",
        "object": "event",
        "type": "checkout.session.completed",
        "livemode": False,
        "created": 1,
        "data": {"object": {"id": set_up, "object": "checkout.session", "metadata": {"account": "entered"}}},
    }
    body, secret = json.dumps(message, indent=2).encode(), "whsec_of_the_test"
    stack.cloud.client("secretsmanager").put_secret_value(SecretId=stack.outputs["WebhookSecrets"], SecretString=secret)

    def deliver(secret):
        at = int(stack.cloud.clock.now().timestamp())
        signature = hmac.new(secret.encode(), f"{at}.".encode() + body, "sha256").hexdigest()
        header = {"Stripe_Signature": f"t={at},v1={signature}", "Content_Type": "application/json"}
        return Api(stack, None).post("/v1/webhooks/stripe", body, **header)

    assert deliver("whsec_of_another").status == 400
    assert deliver(secret).expect(200) == {"received": True}
    wait_until(lambda: stack.operator.account("entered")["paymentMethod"]["last4"] == "4444", "the card is saved")


def test_n2_a_declined_recharge_is_told_with_what_to_do(stack):
    stack.operator.open("declined", emails=["alan@declined.example"])
    buy(stack, "declined", "50.00")
    card = {"paymentMethod": "pm_card_chargeDeclinedInsufficientFunds"}
    stack.operator.put("/v1/accounts/declined/payment-method", card).expect(200)
    recharge_at(stack, "declined", trigger="50.00", amount="50.00")
    wait_until(
        lambda: [subject for subject in mails(stack, "alan@declined.example") if "could not charge" in subject],
        "the decline is told",
    )
    recharge = stack.operator.account("declined")["autoRecharge"]
    assert (recharge["state"], recharge["lastFailure"]["reason"]) == ("waiting", "insufficient_funds")


def test_n11_a_period_that_is_told_again_is_no_second_mail(stack):
    """Lasting events are published again, but every recipient has had their mails already."""
    wait_until(lambda: all_is_told(stack), "everything so far is told")
    sent = len(all_mails(stack))
    now = stack.cloud.clock.now()
    period = {"from": instant(now - timedelta(days=1)), "to": instant(now + timedelta(minutes=1)), "notify": True}
    told = invoke(stack, "publish", {"republish": period})
    assert told["events"] > 0
    wait_until(lambda: all_is_told(stack), "every event is handled")
    assert len(all_mails(stack)) == sent


def test_a_function_that_is_killed_in_mid_flight_is_tried_again(stack):
    """After `kill -9` at any moment nothing is done twice, and the rest is done later."""
    stack.operator.open("killed", emails=["mary@killed.example"])
    buy(stack, "killed", "100.00")
    recharge_at(stack, "killed", trigger="50.00", amount="100.00")
    start = an_hour_ago(stack)

    def send_batch(batch):
        send(stack, "killed", [call(f"{batch}-{number}", start, "0.5000") for number in range(10)], f"{batch}")

    # The first kill is deterministic: the function has the message, and dies before it has done anything.
    stack.operator.post("/v1/accounts/killed/debits", {"records": [call("warm", start)]}).expect(200)
    programs = stack.cloud.programs("debit")
    for program in programs:
        os.kill(program, signal.SIGSTOP)
    send_batch("stopped")
    wait_until(lambda: waiting(stack, "DebitsQueue", in_flight=True) == 1, "it has the message")
    for program in programs:
        os.kill(program, signal.SIGKILL)
    # The others hit functions at random moments. Messages in flight become visible again after the visibility timeout.
    kills = 0
    for batch in range(30):
        stack.cloud.clock.forward(VISIBLE_AGAIN)
        send_batch(batch)
        time.sleep(random.random())
        for function in ("debit", "recharge", "publish", "notify"):
            for program in stack.cloud.programs(function):
                os.kill(program, signal.SIGKILL)
                kills += 1
    assert kills > 10
    spent = 1 + 31 * 5
    wait_until(lambda: settles(stack, "killed", spent), "all that was killed is done in the end")
    # The number and amounts of recharges depend on the calls that were posted when each was decided on (R3).
    amounts = recharges(stack, "killed")
    purchase = 100
    cents = sum(int(charge["amount"]["N"]) for charge in charges(stack, "killed"))
    assert Decimal(cents) / 100 == purchase + sum(amounts)
    assert balance(stack, "killed") == purchase + sum(amounts) - spent
    for amount in amounts:
        wait_until(lambda: any(f"{amount:.2f}" in subject for subject in mails(stack, "mary@killed.example")), "it is told")


def recharges(stack, account):
    """The amounts of the recharges in the journal."""
    return [Decimal(row["amount"]) for row in stack.operator.transactions(account, "recharge")]


def settles(stack, account, spent):
    """Whether all calls are paid for, recharges are over and the queues are empty. If not, puts the clock forward."""
    given_up = sum(send_again(stack, name) for name in ("Debits", "Recharge"))
    left = sum(waiting(stack, queue) for queue in ("DebitsQueue", "RechargeQueue", "NotifyQueue"))
    shown = stack.operator.account(account)
    done = Decimal(shown["balance"]) == 100 + sum(recharges(stack, account)) - spent and shown["autoRecharge"]["state"] == "armed"
    if done and given_up == left == 0 and Decimal(shown["available"]) > 50:
        return True
    stack.cloud.clock.forward(VISIBLE_AGAIN)
    return False


def dead_letters(stack, name):
    """The dead letters of a queue. They stay there and can be read again at once."""
    queue = stack.resource(f"{name}DeadLetters")
    read = stack.cloud.client("sqs").receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageSystemAttributeNames=["MessageGroupId"]
    )
    return read.get("Messages", [])


def send_again(stack, name):
    """Sends dead letters again, as the operator does, and returns their number.

    A message becomes a dead letter if its function is killed at each delivery.
    """
    sqs = stack.cloud.client("sqs")
    letters = dead_letters(stack, name)
    for letter in letters:
        group = letter.get("Attributes", {}).get("MessageGroupId")
        order = {"MessageGroupId": group, "MessageDeduplicationId": letter["ReceiptHandle"]} if group else {}
        sqs.send_message(QueueUrl=stack.resource(f"{name}Queue"), MessageBody=letter["Body"], **order)
        sqs.delete_message(QueueUrl=stack.resource(f"{name}DeadLetters"), ReceiptHandle=letter["ReceiptHandle"])
    return len(letters)


def test_a_poison_message_ends_among_the_dead_letters_and_the_rest_goes_on(stack):
    for account in ("poisoned", "healthy"):
        stack.operator.open(account)
    start = an_hour_ago(stack)
    send(stack, "poisoned", "{", "poison")
    send(stack, "poisoned", [call(1, start)], "behind it")
    send(stack, "healthy", [call(1, start)], "beside it")
    bus = stack.cloud.client("events")
    poison = {"Source": "communications-credits", "DetailType": "BalanceLow", "Detail": "{}"}
    bus.put_events(Entries=[{**poison, "EventBusName": stack.outputs["EventBus"]}])

    wait_until(lambda: balance(stack, "healthy") == -1, "another account's calls are paid for")

    def given_up():
        stack.cloud.clock.forward(VISIBLE_AGAIN)
        return dead_letters(stack, "Debits") and dead_letters(stack, "Recharge")

    wait_until(given_up, "both are given up")
    [letter] = dead_letters(stack, "Debits")
    assert letter["Body"] == "{"
    [letter] = dead_letters(stack, "Recharge")
    assert json.loads(letter["Body"])["detail"] == {}
    wait_until(lambda: balance(stack, "poisoned") == -1, "what was behind the poison is paid for")


def undelivered(stack):
    """The keys in the bucket of undelivered records."""
    listed = stack.cloud.client("s3").list_objects_v2(Bucket=stack.outputs["UndeliveredBucket"])
    return [item["Key"] for item in listed.get("Contents", [])]


def test_n11_a_record_of_the_stream_that_cannot_be_read_is_stored_and_can_be_published_later(stack):
    stack.operator.open("behind", emails=["ida@behind.example"])
    wait_until(lambda: all_is_told(stack), "everything so far is told")
    poison = {"accountId": {"S": "poison"}, "part": {"S": "core"}, "facts": {"S": "["}}
    stack.cloud.client("dynamodb").put_item(TableName=stack.resource("AccountsTable"), Item=poison)
    buy(stack, "behind", "50.00")
    [key] = wait_until(lambda: undelivered(stack), "the record is stored")
    wait_until(lambda: mails(stack, "ida@behind.example"), "what comes after it is told")
    assert invoke(stack, "publish", {"redrive": {}}) == {"objects": 0, "events": 0, "left": 1}

    # The operator corrects the record.
    s3, place = stack.cloud.client("s3"), {"Bucket": stack.outputs["UndeliveredBucket"], "Key": key}
    stored = json.loads(s3.get_object(**place)["Body"].read())
    image = stored["payload"]["Records"][0]["dynamodb"]["NewImage"]
    assert image["facts"] == {"S": "["}
    changed = {"type": "SettingsChanged", "fields": ["autoRecharge"], "by": "somebody"}
    image.update(
        accountId={"S": "behind"},
        version={"N": "1000"},
        asOf={"N": str(int(stack.cloud.clock.now().timestamp() * 1000))},
        facts={"S": json.dumps([changed])},
    )
    s3.put_object(**place, Body=json.dumps(stored).encode())
    sent = len(mails(stack, "ida@behind.example"))
    assert invoke(stack, "publish", {"redrive": {}}) == {"objects": 1, "events": 1, "left": 0}
    wait_until(lambda: len(mails(stack, "ida@behind.example")) == sent + 1, "it is told")
    assert undelivered(stack) == []


def test_e1_unused_funds_are_booked_by_the_nightly_schedule(stack):
    stack.operator.open("expiring", emails=["joan@expiring.example"])
    now = stack.cloud.clock.now()
    expires_at = now + timedelta(hours=1)
    lot = {"amount": "30.00", "reason": "goodwill", "expiresAt": instant(expires_at)}
    stack.operator.post("/v1/accounts/expiring/adjustments", lot, Idempotency_Key="lot").expect(201)
    # Funds are booked from 72 h after their expiry (S10), here by the run of the next night.
    after = expires_at + timedelta(hours=72)
    night = (after + timedelta(days=1)).replace(hour=0, minute=14, second=50, microsecond=0)
    stack.cloud.clock.forward_to(night - timedelta(days=1))
    stack.cloud.clock.forward_to(night)
    [forfeit] = wait_until(lambda: stack.operator.transactions("expiring", "expiry"), "the funds are booked")
    assert Decimal(forfeit["amount"]) == -30
    # The entry is dated at the expiry (E1).
    assert forfeit["at"].startswith(instant(expires_at)[:-1])
    posted = datetime.fromisoformat(forfeit["postedAt"])
    assert posted >= after.astimezone(timezone.utc) - timedelta(seconds=1)
    assert balance(stack, "expiring") == 0
    wait_until(lambda: any("30.00" in subject for subject in mails(stack, "joan@expiring.example")), "it is told")


def test_after_all_that_the_books_are_right(stack):
    accounts = stack.operator.get("/v1/accounts?limit=100").expect(200)["accounts"]
    found = invoke(stack, "reconcile", {})
    assert found["accounts"] == len(accounts) > 10
    assert found["findings"] == []


def test_books_that_are_wrong_are_found(stack):
    table = stack.cloud.client("dynamodb")
    core = {"TableName": stack.resource("AccountsTable"), "Key": {"accountId": {"S": "low"}, "part": {"S": "core"}}}
    right = table.get_item(**core)["Item"]["owed"]["N"]
    change = {"UpdateExpression": "SET owed = :owed"}
    table.update_item(**core, **change, ExpressionAttributeValues={":owed": {"N": "0.01"}})
    try:
        assert invoke(stack, "reconcile", {"accountId": "low"})["findings"]
    finally:
        table.update_item(**core, **change, ExpressionAttributeValues={":owed": {"N": right}})
    assert invoke(stack, "reconcile", {"accountId": "low"})["findings"] == []
