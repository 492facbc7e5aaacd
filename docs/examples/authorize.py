#!/usr/bin/env python3
"""A client of a telephone switch: it asks before a call, extends the call, releases it, and charges for it.

It needs Python 3.9 or later and nothing else. `main` plays one call against a running host:

    python3 authorize.py http://127.0.0.1:8080 TOKEN ACCOUNT --number +4930123456

docs/integration.md explains each step.
"""

import argparse
import datetime
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

#: The statuses after which a record is never sent again, because its charge or its wait for a rate is recorded.
RECORDED = {"accepted", "duplicate", "unrated"}


class NoAnswer(Exception):
    """No usable answer came: the connection failed, the time was up, or the API answered with 429 or a status of 500 or above."""


class Rejected(Exception):
    """A record was refused inside an answer with status 200. Sent again unchanged, it is refused again."""


class Client:
    """The API as one account uses it."""

    def __init__(self, url, token, account, ask_seconds=2.5, charge_seconds=30):
        """The time-outs are seconds. `urllib` counts them for each wait on the socket, not for the whole request."""
        self._base = f"{url.rstrip('/')}/v1/accounts/{urllib.parse.quote(account, safe='')}"
        self._token = token
        self._ask_seconds = ask_seconds
        self._charge_seconds = charge_seconds

    def ask(self, leg, no_answer="refuse"):
        """Asks whether a leg of a call may be set up, and for how long. Returns the answer of the API.

        `leg` has the fields of the request, such as `callId`, `service` and `number`. When no answer comes, the same
        question is asked once more, which takes no second hold. `no_answer` decides then: `refuse` refuses the call,
        and `allow` lets it through for ten minutes without a hold. An `urllib.error.HTTPError` means a mistake in the
        question or the token, which asking again does not cure.
        """
        for _ in range(2):
            try:
                return self._send("POST", "/authorizations", leg, self._ask_seconds)
            except NoAnswer:
                continue
        if no_answer == "allow":
            return {"allowed": True, "service": leg.get("service"), "maxDurationSeconds": min(600, leg.get("maxDurationSeconds", 600))}
        return {"allowed": False, "reason": "noAnswer", "sipStatus": 403, "service": leg.get("service"), "maxDurationSeconds": 0}

    def extend(self, hold_id, total_seconds):
        """Asks for a longer call, of `total_seconds` in all. Returns the answer, or `None` if the hold is gone.

        A refused extension leaves the call what was granted before, and the answer repeats it.
        """
        try:
            return self._send("PUT", f"/authorizations/{hold_id}", {"maxDurationSeconds": total_seconds}, self._ask_seconds)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def release(self, hold_id=None, call_id=None, node=None):
        """Releases one hold, all holds of a call, or all holds that a switch took. It succeeds if there is nothing to release."""
        if hold_id is not None:
            path = f"/authorizations/{hold_id}"
        else:
            query = {"callId": call_id} if call_id is not None else {"node": node}
            path = f"/authorizations?{urllib.parse.urlencode(query)}"
        self._send("DELETE", path, None, self._ask_seconds)

    def charge(self, records, tries=5, pause=1):
        """Charges for finished calls, and returns the result of each record, in order.

        The same records are sent until each has a final status. Raises `Rejected` if one was refused, and `NoAnswer` if
        some are still without a final status after the last try. The caller keeps the records on disk until this returns.
        """
        for attempt in range(tries):
            if attempt > 0:
                time.sleep(pause * 2 ** (attempt - 1))
            try:
                answer = self._send("POST", "/debits", {"records": records}, self._charge_seconds)
            except NoAnswer:
                continue
            statuses = [result["status"] for result in answer["results"]]
            if "notReached" in statuses or len(statuses) != len(records):
                continue
            refused = [result for result in answer["results"] if result["status"] not in RECORDED]
            if refused:
                raise Rejected(json.dumps(refused))
            return answer["results"]
        raise NoAnswer(f"{len(records)} records have no final status after {tries} tries")

    def _send(self, method, path, body, seconds):
        """Sends one request, and returns its JSON answer, or `None` if the answer is empty."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                text = answer.read()
            return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                raise
            raise NoAnswer(f"status {error.code}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoAnswer(str(error)) from error


def main(arguments=None):
    """Plays one call: it asks, extends the call, and charges for it. Returns 0, or 1 if the call is refused."""
    parser = argparse.ArgumentParser(description="Plays one call against Communications Credits.")
    parser.add_argument("url", help="the base URL, such as http://127.0.0.1:8080")
    parser.add_argument("token", help="a bearer token of the role operator or platform")
    parser.add_argument("account", help="the account that pays for the call")
    parser.add_argument("--number", default="+4930123456", help="the number dialled")
    parser.add_argument("--no-answer", choices=["refuse", "allow"], default="refuse", help="what to do when no answer comes")
    options = parser.parse_args(arguments)
    client = Client(options.url, options.token, options.account)

    call_id = str(uuid.uuid4())
    leg = {"callId": call_id, "service": "userOut", "number": options.number, "maxDurationSeconds": 60, "node": "example"}
    answer = client.ask(leg, options.no_answer)
    print("asked:", json.dumps(answer))
    if not answer["allowed"]:
        return 1
    if "holdId" in answer:
        print("extended:", json.dumps(client.extend(answer["holdId"], 300)))

    started_at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    record = {"id": f"{call_id}-out", "callId": call_id, "service": answer["service"], "number": options.number}
    record.update(startedAt=started_at, durationSeconds=45)
    if "holdId" in answer:
        record["holdId"] = answer["holdId"]
    print("charged:", json.dumps(client.charge([record])))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
