"""A client generated from docs/openapi.json by openapi-python-client reads every field of every answer."""

import collections
import datetime
import importlib
import json
import os
import pathlib
import subprocess
import sys

import pytest

from conftest import DOCUMENT, NOW

CONFIG = pathlib.Path(__file__).with_name("client.yaml")


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    """The generated client, as a package."""
    folder = tmp_path_factory.mktemp("generated")
    programs = pathlib.Path(sys.executable).parent
    options = ["--path", DOCUMENT, "--output-path", folder / "credits_client", "--config", CONFIG]
    command = [programs / "openapi-python-client", "generate", *options, "--meta", "none", "--fail-on-warning"]
    # The generator formats its output with a program that is installed beside it.
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(command, check=True, env={**os.environ, "PATH": path})
    sys.path.insert(0, str(folder))
    yield importlib.import_module("credits_client")
    sys.path.remove(str(folder))


class Seen:
    """Counts the fields of the document's schemas that were in an answer."""

    def __init__(self, document):
        self._document = document
        self.fields = collections.Counter()

    def note(self, schema, value):
        """Counts each field of a value of this schema. A field that the schema lacks is an error."""
        schema = self.resolved(schema)
        if isinstance(value, list):
            for element in value:
                self.note(schema["items"], element)
        elif isinstance(value, dict):
            fields = dict(self.fields_of(schema, value))
            for name, field in value.items():
                assert name in fields, f"{name} is not in the document: {value}"
                owner, of = fields[name]
                self.fields[owner, name] += 1
                self.note(of, field)

    def fields_of(self, schema, value=None):
        """The fields of an object: the name of each, with the name of the schema that has it and the field's own schema."""
        schema = self.resolved(schema)
        for part in schema.get("allOf", []):
            yield from self.fields_of(part, value)
        for part in schema.get("oneOf", []) + schema.get("anyOf", []):
            part = self.resolved(part)
            rule = part.get("properties", {}).get("rule")
            if value is None or rule is None or value.get("rule") in rule["enum"]:
                yield from self.fields_of(part, value)
        for name, field in schema.get("properties", {}).items():
            yield name, (self.name_of(schema), field)

    def resolved(self, schema):
        if "$ref" in schema:
            return self.schemas[schema["$ref"].rsplit("/", 1)[1]]
        options = [option for option in schema.get("oneOf", []) if option.get("type") != "null"]
        if "properties" not in schema and len(options) == 1:
            return self.resolved(options[0])
        return schema

    @property
    def schemas(self):
        return self._document["components"]["schemas"]

    def name_of(self, schema):
        names = [name for name, other in self.schemas.items() if schema is other]
        if names:
            return names[0]
        for name, other in self.schemas.items():
            if any(schema is part for part in other.get("allOf", []) + other.get("oneOf", [])):
                return name
        raise AssertionError(f"a schema without a name: {schema}")

    def all_fields(self):
        """Every field of every answer in the document."""
        found, todo = set(), []
        for item in self._document["paths"].values():
            for operation in item.values():
                for response in operation["responses"].values():
                    todo += [content["schema"] for content in response.get("content", {}).values()]
        done = []
        while todo:
            schema = self.resolved(todo.pop())
            if schema in done:
                continue
            done.append(schema)
            if "items" in schema:
                todo.append(schema["items"])
            for name, (owner, field) in self.fields_of(schema):
                found.add((owner, name))
                todo.append(field)
        return found


class Client:
    """Calls operations with the generated client, and counts the fields of their answers."""

    def __init__(self, generated, seen, host, token):
        self._seen = seen
        self._client = generated.AuthenticatedClient(base_url=host.url, token=token)

    def call(self, operation, *path, status=200, **parameters):
        """Calls an operation. Returns the parsed answer, which must have this status."""
        response = self.module(operation).sync_detailed(*path, client=self._client, **parameters)
        return self.read(operation, response, status)

    def send_file(self, operation, path, content_type, content):
        """Sends a file, whose content type the generated client cannot send, and returns the parsed answer."""
        headers = {"Content-Type": content_type}
        answer = self._client.get_httpx_client().post(path, content=content, headers=headers)
        return self.read(operation, self.module(operation)._build_response(client=self._client, response=answer), 200)

    def read(self, operation, response, status):
        assert response.status_code == status, f"{operation}: {response.status_code} {response.content[:2_000]}"
        if response.headers.get("content-type", "").split(";")[0].endswith("json"):
            raw = json.loads(response.content)
            # The client has read everything that was sent.
            assert plain(response.parsed.to_dict()) == plain(raw), operation
            self._seen.note(self.schema(operation, status), raw)
        return response.parsed

    def module(self, operation):
        tag = self.operation(operation)["tags"][0].lower().replace("-", "_")
        return importlib.import_module(f"credits_client.api.{tag}.{snake(operation)}")

    def operation(self, name):
        for item in self._seen._document["paths"].values():
            for operation in item.values():
                if operation["operationId"] == name:
                    return operation
        raise AssertionError(name)

    def schema(self, operation, status):
        contents = self.operation(operation)["responses"][str(status)]["content"]
        return next(content["schema"] for kind, content in contents.items() if kind.endswith("json"))

    def model(self, name, /, **fields):
        """A request body of this schema of the document."""
        return self.schema_class(name).from_dict(fields)

    def choice(self, name, value):
        """A value of a parameter of this schema."""
        return self.schema_class(name)(value)

    def schema_class(self, name):
        return getattr(importlib.import_module("credits_client.models"), name)


def plain(value):
    """A value with its instants parsed, since the client writes them in another form."""
    if isinstance(value, list):
        return [plain(element) for element in value]
    if isinstance(value, dict):
        return {name: plain(field) for name, field in value.items()}
    try:
        return datetime.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value


def snake(name):
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def test_a_generated_client_reads_every_field_of_every_answer(host, generated, document):
    seen = Seen(document)
    operator = Client(generated, seen, host, host.token("operator"))
    live(host, operator, Client(generated, seen, host, host.token("platform", "contoso")))
    admin = Client(generated, seen, host, host.token("admin", "contoso", name="Ada"))
    assert [account.account_id for account in admin.call("getCaller").accounts] == ["contoso"]
    french = admin.model("AccountChange", locale="fr")
    assert admin.call("changeAccount", "contoso", body=french).settings_changed.other.by_name == "Ada"
    later = operator.model("AccountChange", billingModel="postUsage")
    assert operator.call("changeAccount", "kept", body=later).settings_changed.billing_model
    missing = seen.all_fields() - set(seen.fields)
    assert not missing, "\n".join(map(str, sorted(missing)))


def live(host, client, platform):
    """Calls operations until every field of every answer has occurred."""
    call, model = client.call, client.model
    call(
        "createAccount",
        body=model("NewAccount", accountId="contoso", name="Contoso", currency="EUR", notificationEmails=["ada@example.com"]),
        status=201,
    )
    later = model("NewAccount", accountId="later", name="Later", currency="EUR", billingModel="postUsage")
    call("createAccount", body=later, status=201)
    call("createAccount", body=model("NewAccount", accountId="later", name="Another", currency="EUR"), status=409)
    cards = model("NewPaymentMethod", paymentMethod="pm_card_visa", backup="pm_card_mastercard")
    call("setPaymentMethod", "contoso", body=cards)
    page = call("setUpPaymentMethod", "contoso", body=model("NewSetUp", backup=True))
    assert page.url.startswith(host.url)
    call("changeAccount", "contoso", body=model("AccountChange", poNumber="PO-7", lowBalanceAmount="20.00"))
    call("changeAccount", "contoso", body=model("AccountChange", name=""), status=422)

    buy(client, "100.00", status=201)
    buy(client, "100.00", paymentMethod="pm_card_chargeDeclinedExpiredCard", status=402)
    asked = buy(client, "50.00", paymentMethod="pm_card_authenticationRequired", status=202)
    assert asked.next_action.url.startswith(host.url)
    call("getPurchase", "contoso", asked.purchase_id)
    call("confirmPurchase", "contoso", asked.purchase_id)
    page = call("listPurchases", "contoso", limit=1)
    rest = call("listPurchases", "contoso", limit=100, cursor=page.next_)
    purchases = page.purchases + rest.purchases
    assert asked.purchase_id in [purchase.purchase_id for purchase in purchases]
    bought = next(purchase for purchase in purchases if purchase.status == "succeeded")
    receipt = call("getReceipt", "contoso", bought.purchase_id)
    assert receipt.payload.read(5) == b"%PDF-"
    adjust(client, "contoso", "gift", amount="5.00")
    adjust(client, "later", "gift", amount="5.00")
    for account in ["contoso", "later"]:
        call("previewSwitch", account)
    call("listLots", "contoso")

    usage(host, client, platform)
    recharge(host, client)
    preview(host, client)
    authorizations(client)
    today = instant(NOW).date()
    call("getBalance", "contoso", at=today)
    call("listBalances", "contoso", from_=today, to=today)
    call("getStatement", "contoso", from_=today, to=today)
    included(client)
    reversals(host, client)
    refunds(host, client)
    invoices(host, client)
    page = call("listAccounts", limit=1)
    call("listAccounts", limit=100, cursor=page.next_)
    assert call("getAccount", "contoso").account_id == "contoso"


def buy(client, amount, status, **more):
    body = client.model("NewPurchase", amount=amount, **more)
    return client.call("buyFunds", "contoso", body=body, idempotency_key=f"{amount}{more}".replace(" ", ""), status=status)


def adjust(client, account, key, **fields):
    body = client.model("NewAdjustment", reason="a gift", **fields)
    client.call("adjustFunds", account, body=body, idempotency_key=key, status=201)


def refunds(host, client):
    """Refunds a purchase, lets the refund fail, and lets the purchase be disputed."""
    new = client.model("NewAccount", accountId="back", name="Back", currency="EUR")
    client.call("createAccount", body=new, status=201)
    client.call("setPaymentMethod", "back", body=client.model("NewPaymentMethod", paymentMethod="pm_card_visa"))
    body = client.model("NewPurchase", amount="100.00")
    bought = client.call("buyFunds", "back", body=body, idempotency_key="bought", status=201)
    body = client.model("NewRefund", reason="cancelled")
    assert client.call("getPurchase", "back", bought.purchase_id).refundable_amount == "100.0000"
    refunded = client.call("refundPurchase", "back", bought.purchase_id, body=body, idempotency_key="refund", status=201)
    assert (refunded.status, refunded.refunded_amount) == ("refunded", "100.0000")
    note = client.call("getCreditNote", "back", bought.purchase_id, "1")
    assert note.payload.read(5) == b"%PDF-"
    for action in ["failRefund", "dispute", "lose"]:
        host.local("POST", f"charges/back/{bought.purchase_id}", {"action": action})
    disputed = client.call("getPurchase", "back", bought.purchase_id)
    assert (disputed.status, disputed.refunds[0].status, disputed.disputes[0].status) == ("disputed", "failed", "lost")
    client.call("listTransactions", "back")


def usage(host, client, platform):
    """Debits calls with and without a charge, as JSON and as a report, valid and invalid."""
    started = "2026-11-22T11:00:00Z"
    record = {"service": "userOut", "number": "+33123456789", "startedAt": started, "durationSeconds": 61}
    more = {"callId": "call-1", "userId": "ada", "costCentre": "sales", "plan": "MCOPSTN1", "userCountry": "FR", "holdId": "h"}
    records = [
        {"id": "one/of?many", **record, **more},
        {"id": "as-rated", **record, "charge": "1.0000", "currency": "EUR"},
        {"id": "free", **record, "durationSeconds": 0},
        {"id": "unrated", **record, "number": "+9990001234"},
        {"id": "bad", **record, "service": "fax"},
    ]
    debits = platform.call("debitUsage", "contoso", body=client.model("Records", records=records[:4]))
    assert [result.status for result in debits.results] == ["accepted", "accepted", "accepted", "unrated"]
    client.call("debitUsage", "later", body=client.model("Records", records=[{"id": "beyond", **record, "charge": "9"}]))
    single = client.call("listTransactions", "contoso", record_id="one/of?many", started_at=instant(started))
    again = client.call("listTransactions", "contoso", transaction_id=single.transactions[0].transaction_id)
    assert again.transactions[0].why.prefix == "33"
    client.call("getUsageRecord", "contoso", "free", started_at=instant(started))
    page = client.call("listTransactions", "contoso", limit=1)
    client.call("listTransactions", "contoso", limit=100, cursor=page.next_)
    client.call("listTransactions", "later")
    report = "UsageId,Call Type,Destination Number,Start Time,Duration Seconds,Connection Fee,Charge,Currency\n"
    report += f"u-1,user_out,+33123456789,{started},a minute,0,0.0100,EUR\n"
    debits = client.send_file("debitUsage", "/v1/accounts/contoso/debits", "text/csv", report)
    assert debits.results[0].problem.line == 2
    host.local("POST", "queues/debits", {"accountId": "contoso", "records": records[4:]})
    host.drain()
    rejected = platform.call("listTransactions", "contoso", kind=client.choice("TransactionKind", "rejected"))
    assert rejected.transactions[0].rejection.problem.field == "service"
    page = client.call("listUnratedRecords", limit=1)
    while page.next_:
        page = client.call("listUnratedRecords", limit=1, cursor=page.next_)
    by_user = client.choice("UsageDimension", "user")
    users = client.call("reportUsage", "contoso", group_by=by_user)
    assert "ada" in [group.key for group in users.groups]
    greatest = client.call("reportUsage", "contoso", group_by=by_user, top=1)
    assert greatest.others.calls + greatest.groups[0].calls == users.total.calls
    client.call("rateUnratedRecords", limit=1)
    euro = client.choice("Currency", "EUR")
    client.call("findRate", service=client.choice("Service", "userOut"), number="33123456789", currency=euro)
    client.call("findRate", number="33123456789", currency=euro)
    client.call("listRates", currency=euro, limit=1)


def preview(host, client):
    """Asks what settings of auto-recharge would do: charge the card, wait to be resumed, or be held back by the limit of the month."""
    lost = client.model("NewPaymentMethod", paymentMethod="pm_card_chargeDeclinedLostCard")
    client.call("setPaymentMethod", "contoso", body=lost)
    host.drain()
    same = {"enabled": True, "triggerAmount": "60", "rechargeAmount": "50", "monthlyLimit": "1000"}
    body = client.model("AutoRechargeSettings", **same)
    assert client.call("previewAutoRecharge", "contoso", body=body).charges_if_resumed
    # A good card retries the declined recharge, which uses up most of the limit.
    client.call("setPaymentMethod", "contoso", body=client.model("NewPaymentMethod", paymentMethod="pm_card_visa"))
    host.drain()
    settings = {"enabled": True, "triggerAmount": "90000.00", "rechargeAmount": "50.00"}
    body = client.model("AutoRechargeSettings", **settings)
    assert client.call("previewAutoRecharge", "contoso", body=body).charges_now
    body = client.model("AutoRechargeSettings", **settings, monthlyLimit="150.00")
    assert client.call("previewAutoRecharge", "contoso", body=body).held_back_by == "monthly"


def authorizations(client):
    """Authorizes calls under limits, one of them without a rate, extends one and releases it."""
    limits = client.model("NewLimits", perUserMonthly="3.00", perDay="4.00", marginSeconds=3)
    client.call("setLimits", "contoso", body=limits)
    leg = {"callId": "call-2", "userId": "ada", "service": "userOut", "number": "+33123456789", "maxDurationSeconds": 60}
    granted = client.call("authorizeCall", "contoso", body=client.model("NewAuthorization", **leg))
    assert (granted.allowed, granted.max_duration_seconds) == (True, 57)
    longer = client.model("Extension", maxDurationSeconds=120)
    assert client.call("extendAuthorization", "contoso", granted.hold_id, body=longer).max_duration_seconds == 117
    assert [user.user_id for user in client.call("getLimits", "contoso").users] == ["ada"]
    unknown = client.model("NewAuthorization", **{**leg, "callId": "call-3", "number": "+9990001234"})
    assert client.call("authorizeCall", "contoso", body=unknown).reason == "noRate"
    client.call("releaseHold", "contoso", granted.hold_id, status=204)
    client.call("releaseHolds", "contoso", call_id="call-2", status=204)


def included(client):
    """Opens an account with pools, and debits a call that uses one."""
    client.call("createAccount", body=client.model("NewAccount", accountId="kept", name="Kept", currency="EUR"), status=201)
    assert "MCOPSTN1" in [plan.plan for plan in client.call("listPlans").plans]
    own = {"plan": "own", "country": "FR", "minutesPerLicence": 10, "licences": 1, "services": ["userOut"], "countries": ["FR"]}
    pools = [{"plan": "MCOPSTN1", "country": "FR", "licences": 1}, own]
    client.call("setPools", "kept", body=client.model("NewPools", pools=pools))
    debit(client, "covered", durationSeconds=61, plan="own", userCountry="FR")
    account = client.call("setPools", "kept", body=client.model("NewPools", pools=pools[:1]))
    assert [(pool.plan, pool.removed) for pool in account.pools if pool.plan == "own"] == [("own", True)]


def debit(client, id, **fields):
    record = {"id": id, "service": "userOut", "number": "+33123456789", "startedAt": NOW, "durationSeconds": 60, **fields}
    debits = client.call("debitUsage", "kept", body=client.model("Records", records=[record]))
    assert [result.status for result in debits.results] == ["accepted"]


def reversals(host, client):
    """Reverses calls that were paid from a pool, from lots and from debt, one of them after its lot's late records are over."""
    tomorrow = "2026-11-23T12:00:00Z"
    debit(client, "owed", charge="2.00")
    adjust(client, "kept", "first", amount="10.00", expiresAt=tomorrow)
    debit(client, "drawn", charge="3.00")
    debit(client, "returned", charge="1.00")
    names = [{"id": id, "startedAt": NOW} for id in ["covered", "owed", "returned", "nobody"]]
    done = client.call("reverseUsage", "kept", body=client.model("RecordsToReverse", records=names), reason="mistaken")
    assert [result.status for result in done.results] == ["reversed", "reversed", "reversed", "notFound"]
    debit(client, "beyond", charge="20.00")
    reverse(client, "drawn")
    adjust(client, "kept", "second", amount="30.00", expiresAt=tomorrow)
    debit(client, "late", charge="5.00")
    host.local("POST", "time", {"now": "2026-11-27T12:00:00Z"})
    reverse(client, "late")
    transactions = client.call("listTransactions", "kept", limit=100).transactions
    assert [transaction for transaction in transactions if transaction.kind == "expiry" and transaction.returned_by]


def invoices(host, client):
    """Closes two months with invoices, of which one is paid and the other is cancelled."""
    new = client.model("NewAccount", accountId="invoiced", name="Invoiced", currency="EUR", billingModel="postUsage")
    client.call("createAccount", body=new, status=201)
    client.call("changeAccount", "invoiced", body=client.model("AccountChange", poNumber="PO-8", paymentTermDays=14))
    for id, later in [("november", "2026-12-01T06:00:00Z"), ("december", "2027-01-01T06:00:00Z")]:
        record = {"id": id, "service": "userOut", "number": "+33123456789", "startedAt": NOW, "durationSeconds": 60, "charge": "9"}
        client.call("debitUsage", "invoiced", body=client.model("Records", records=[record]))
        host.local("POST", "time", {"now": later})
        host.local("POST", "run/invoice")
    page = client.call("listInvoices", "invoiced", limit=1)
    rest = client.call("listInvoices", "invoiced", cursor=page.next_)
    assert [invoice.number for invoice in page.invoices + rest.invoices] == [2, 1]
    payment = client.model("InvoicePayment", reference="bank-7", paidAt="2026-12-19T00:00:00Z")
    client.call("payInvoice", "invoiced", "inv_2026-11", body=payment)
    client.call("payInvoice", "invoiced", "inv_2026-11", body=client.model("InvoicePayment", **{**payment.to_dict(), "reference": "b"}), status=409)
    client.call("voidInvoice", "invoiced", "inv_2026-12", body=client.model("InvoiceCancellation", reason="a mistake"))
    assert client.call("getInvoice", "invoiced", "inv_2026-12").state == "void"


def reverse(client, id):
    body = client.model("NewReversal", startedAt=NOW, reason="mistaken")
    client.call("reverseUsageRecord", "kept", id, body=body)


def recharge(host, client):
    """Turns auto-recharge on and lets it be declined."""
    settings = client.model(
        "AutoRechargeSettings", enabled=True, triggerAmount="60", rechargeAmount="50", monthlyLimit="1000"
    )
    client.call("setAutoRecharge", "contoso", body=settings)
    declines = client.model("NewPaymentMethod", paymentMethod="pm_card_chargeDeclinedInsufficientFunds")
    client.call("setPaymentMethod", "contoso", body=declines)
    spent = {"id": "spent", "service": "userOut", "number": "+33123456789", "startedAt": NOW, "durationSeconds": 60}
    client.call("debitUsage", "contoso", body=client.model("Records", records=[{**spent, "charge": "150"}]))
    host.drain()
    account = client.call("getAccount", "contoso")
    assert account.auto_recharge.last_failure.reason == "insufficient_funds"
    client.call("resumeAutoRecharge", "contoso", status=409)
    purchases = client.call("listPurchases", "contoso", limit=100).purchases
    declined = next(purchase for purchase in purchases if purchase.kind == "recharge")
    assert declined.recharge_amounts == 3, "the smallest number that lifts the balance above the trigger"


def instant(text):
    return datetime.datetime.fromisoformat(text)
