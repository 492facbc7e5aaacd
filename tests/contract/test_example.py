"""docs/examples/authorize.py does against a running host what its descriptions say."""

import http.server
import importlib.util
import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest

from conftest import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "authorize.py"

#: The start of a finished call, when the host's clock stands at `conftest.NOW`.
STARTED = "2026-11-22T11:00:00Z"


@pytest.fixture(scope="session")
def example():
    """The example, as a module."""
    spec = importlib.util.spec_from_file_location("authorize", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def client(host, example):
    """A client of the account `contoso`, which has 20 euros."""
    open_account(host, "contoso", "20.00")
    return example.Client(host.url, host.token("platform", "contoso"), "contoso")


def open_account(host, account, funds=None):
    """Opens an account, and gives it funds."""
    call(host, "POST", "/v1/accounts", {"accountId": account, "name": account, "currency": "EUR"})
    if funds:
        body = {"amount": funds, "reason": "a gift"}
        call(host, "POST", f"/v1/accounts/{account}/adjustments", body, {"Idempotency-Key": "gift"})


def call(host, method, path, body=None, headers=None):
    """Calls the API as the operator, without the example."""
    headers = {"Authorization": f"Bearer {host.token('operator')}", "Content-Type": "application/json", **(headers or {})}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(host.url + path, data, headers, method=method), timeout=60) as answer:
        return json.loads(answer.read())


def leg(call_id, **more):
    return {"callId": call_id, "service": "userOut", "number": "+4930123456", "maxDurationSeconds": 120, "node": "edge-1", **more}


def record(id, **more):
    return {"id": id, "service": "userOut", "number": "+4930123456", "startedAt": STARTED, "durationSeconds": 60, **more}


def test_the_program_plays_one_call(host, client):
    # The program starts its call at the machine's time.
    host.local("DELETE", "time")
    command = [sys.executable, EXAMPLE, host.url, host.token("platform", "contoso"), "contoso"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    said = {line.split(": ", 1)[0]: json.loads(line.split(": ", 1)[1]) for line in run.stdout.splitlines()}
    assert said["asked"]["allowed"] and said["asked"]["maxDurationSeconds"] == 58
    assert said["extended"]["allowed"] and said["extended"]["maxDurationSeconds"] == 298
    assert [result["status"] for result in said["charged"]] == ["accepted"]
    used = call(host, "GET", "/v1/accounts/contoso/transactions?kind=usage")["transactions"]
    assert [transaction["recordId"] for transaction in used] == [said["charged"][0]["id"]]
    # The debit has ended the hold.
    assert client.extend(said["asked"]["holdId"], 600) is None


def test_a_call_without_funds_is_refused(host, example):
    open_account(host, "empty")
    answer = example.Client(host.url, host.token("platform", "empty"), "empty").ask(leg("call-1"))
    assert answer["allowed"] is False and answer["maxDurationSeconds"] == 0
    assert (answer["reason"], answer["sipStatus"]) == ("insufficientFunds", 402)
    assert "holdId" not in answer


def test_the_same_question_takes_one_hold(client):
    first, again = client.ask(leg("call-1")), client.ask(leg("call-1"))
    assert first["holdId"] == again["holdId"]
    assert client.ask(leg("call-2"))["holdId"] != first["holdId"]


def test_a_released_hold_is_gone(client):
    answer = client.ask(leg("call-1"))
    client.release(hold_id=answer["holdId"])
    assert client.extend(answer["holdId"], 600) is None
    client.release(hold_id=answer["holdId"])
    by_call = client.ask(leg("call-2", node="edge-1"))
    by_node = client.ask(leg("call-3", node="edge-2"))
    client.release(call_id="call-2")
    assert client.extend(by_call["holdId"], 600) is None
    assert client.extend(by_node["holdId"], 600)["allowed"]
    client.release(node="edge-2")
    assert client.extend(by_node["holdId"], 600) is None


def test_a_mistake_in_the_question_is_raised(client):
    with pytest.raises(urllib.error.HTTPError) as mistake:
        client.ask(leg("call-1", service="fax"), no_answer="allow")
    assert mistake.value.code == 422


def test_the_debit_ends_the_hold_of_its_leg(client):
    held = client.ask(leg("call-1"))
    assert client.charge([record("call-1-out", callId="call-1")])[0]["status"] == "accepted"
    assert client.extend(held["holdId"], 600) is None


def test_a_record_that_is_refused_inside_a_200_is_raised(client, example):
    statuses = [result["status"] for result in client.charge([record("one"), record("free", number="+9990001234")])]
    assert statuses == ["accepted", "unrated"]
    assert [result["status"] for result in client.charge([record("one")])] == ["duplicate"]
    with pytest.raises(example.Rejected, match="conflict"):
        client.charge([record("one", durationSeconds=61)])
    with pytest.raises(example.Rejected, match="invalid"):
        client.charge([record("two"), record("bad", service="fax")])
    # The other record of that request is charged for.
    assert [result["status"] for result in client.charge([record("two")])] == ["duplicate"]


class Stub:
    """A server that gives prepared answers, one to each request: a status and a JSON body."""

    def __init__(self, *answers):
        stub = self
        self.requests = []
        left = list(answers)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stub.requests.append(json.loads(body))
                status, answer = left.pop(0)
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def stub():
    """Starts stubs, and stops them after the test."""
    stubs = []

    def start(*answers):
        stubs.append(Stub(*answers))
        return stubs[-1]

    yield start
    for started in stubs:
        started.stop()


BUSY = (503, {"code": "contended"})


def test_records_are_sent_until_each_has_a_final_status(stub, example):
    server = stub(
        BUSY,
        (200, {"results": [{"id": "one", "status": "accepted"}, {"id": "two", "status": "notReached"}]}),
        (200, {"results": [{"id": "one", "status": "duplicate"}, {"id": "two", "status": "accepted"}]}),
    )
    records = [record("one"), record("two")]
    results = example.Client(server.url, "token", "contoso").charge(records, pause=0)
    assert [result["status"] for result in results] == ["duplicate", "accepted"]
    assert server.requests == [{"records": records}] * 3


def test_records_without_a_final_status_are_raised(stub, example):
    server = stub(BUSY, BUSY)
    with pytest.raises(example.NoAnswer):
        example.Client(server.url, "token", "contoso").charge([record("one")], tries=2, pause=0)


@pytest.mark.parametrize("no_answer", ["refuse", "allow"])
def test_without_an_answer_the_policy_decides(stub, example, no_answer):
    server = stub(BUSY, BUSY)
    busy = example.Client(server.url, "token", "contoso").ask(leg("call-1"), no_answer)
    assert server.requests == [leg("call-1")] * 2
    server.stop()
    refused = example.Client(server.url, "token", "contoso").ask(leg("call-1"), no_answer)
    assert busy == refused
    assert refused["allowed"] is (no_answer == "allow")
    assert refused["maxDurationSeconds"] == (120 if no_answer == "allow" else 0)
    assert refused.get("sipStatus") == (403 if no_answer == "refuse" else None)
    assert "holdId" not in refused
