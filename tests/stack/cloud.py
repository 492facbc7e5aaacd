"""An AWS emulator with the stack deployed on it, an issuer of tokens, and a clock that can be put forward.

Everything listens on 127.0.0.1. The emulator checks each call against the caller's IAM policies (`AUTH=true`), so a function can
do here only what its role allows.
"""

import base64
import fcntl
import gzip
import hashlib
import json
import os
import secrets
import signal
import socket
import string
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
from botocore.config import Config
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

import template

REGION = "eu-central-1"
STACK = "credits"
BUCKET = "code"
AUDIENCE = "communications-credits"
SENDER = "credits@example.com"

# The longest wait for an expected result, in seconds.
PATIENCE = 180


def wait_until(look, what):
    """Calls `look` until its result is truthy, and returns that."""
    end = time.monotonic() + PATIENCE
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < end, f"{what}: still not so after {PATIENCE} s"
        time.sleep(0.2)


class Issuer:
    """An OIDC issuer: it serves its configuration and public key, signs tokens, and exchanges codes for them."""

    def __init__(self):
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._codes = {}
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                configuration = {
                    "issuer": issuer.url,
                    "jwks_uri": f"{issuer.url}/keys",
                    "authorization_endpoint": f"{issuer.url}/authorize",
                    "token_endpoint": f"{issuer.url}/token",
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
                pages = {
                    "/.well-known/openid-configuration": configuration,
                    "/keys": {"keys": [issuer._public_key()]},
                }
                self._answer(pages.get(self.path), 404)

            def do_POST(self):
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self._answer(issuer._exchange(**{name: values[0] for name, values in form.items()}), 400)

            def _answer(self, page, otherwise):
                body = json.dumps(page or {"error": "invalid_grant"}).encode()
                self.send_response(200 if page else otherwise)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def token(self, role, accounts=(), audience=AUDIENCE, lifetime=timedelta(days=3650)):
        """A token with a role and accounts. By default it stays valid however far the clock is put forward."""
        return self.token_of({"sub": f"{role}@example.com", "role": role, "accounts": " ".join(accounts)}, audience, lifetime)

    def token_of(self, claims, audience=AUDIENCE, lifetime=timedelta(days=3650)):
        """A token with any claims."""
        claims = {
            "iss": self.url,
            "aud": audience,
            "exp": int((datetime.now(timezone.utc) + lifetime).timestamp()),
            **claims,
        }
        parts = [_base64(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "1", "typ": "JWT"}, claims)]
        signature = self._key.sign(".".join(parts).encode(), padding.PKCS1v15(), hashes.SHA256())
        return ".".join([*parts, _base64(signature)])

    def sign_in(self, address, role, accounts=(), **claims):
        """Signs a person in who was sent to this address, and returns the code and the state that lead back."""
        asked = {name: values[0] for name, values in urllib.parse.parse_qs(urllib.parse.urlsplit(address).query).items()}
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked, role, accounts, claims
        return {"code": code, "state": asked["state"]}

    def _exchange(self, grant_type, code, redirect_uri, code_verifier, client_id, **_):
        """The tokens for a code, once, if the program that asks is the one that sent the person here."""
        asked, role, accounts, claims = self._codes.pop(code, ({}, None, (), {}))
        challenge = _base64(hashlib.sha256(code_verifier.encode()).digest())
        told = (grant_type, client_id, redirect_uri, challenge)
        expected = tuple(asked.get(name) for name in ("client_id", "redirect_uri", "code_challenge"))
        if told != ("authorization_code", *expected):
            return None
        about = {"sub": f"{role}@example.com", "nonce": asked["nonce"], "iat": int(time.time()), **claims}
        return {
            "access_token": self.token_of(
                {"sub": about["sub"], "role": role, "accounts": " ".join(accounts), **claims}
            ),
            "id_token": self.token_of(about, audience=client_id),
            "token_type": "Bearer",
            "expires_in": 3600,
        }

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def _public_key(self):
        numbers = self._key.public_key().public_numbers()
        modulus = numbers.n.to_bytes(256, "big")
        return {"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "n": _base64(modulus), "e": "AQAB"}


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Clock:
    """The clock of the emulator and the functions: the machine's, put forward. libfaketime reads the offset from a file."""

    LIBRARY = "/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1"

    def __init__(self, folder):
        self._file = folder / "clock"
        self._lock = folder / "clock.lock"
        self.offset = timedelta()
        self.forward(timedelta())

    def forward(self, by):
        """Puts the clock forward once no function is handling a message. The emulator holds the lock until then."""
        with self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.offset += by
            new = self._file.with_suffix(".new")
            new.write_text(f"+{self.offset.total_seconds():.0f}\n")
            new.rename(self._file)

    def forward_to(self, instant):
        self.forward(instant - self.now())

    def now(self):
        return datetime.now(timezone.utc) + self.offset

    def environment(self):
        return {
            "LD_PRELOAD": self.LIBRARY.format(os.uname().machine),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "CLOCK_LOCK": str(self._lock),
            # A process with a cached offset would sign requests that the others refuse as too old.
            "FAKETIME_NO_CACHE": "1",
            # The monotonic clock, which measures durations, is not changed.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


class Cloud:
    """The emulator, as a process of its own, with all processes that it starts."""

    def __init__(self, folder):
        self.clock = Clock(folder)
        self._log = (folder / "emulator.log").open("w")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("emulator.py"))],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "TMPDIR": str(folder),
                "BIND_HOST": "127.0.0.1",
                "MINISTACK_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(port),
                "MINISTACK_REGION": REGION,
                "AUTH": "true",
                # This service would listen on more than loopback.
                "IOT_MTLS_ENABLED": "0",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_ENDPOINT_URL": self.url,
                **self.clock.environment(),
            },
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        wait_until(self._is_ready, "the emulator is ready")

    def _is_ready(self):
        assert self._process.poll() is None, f"the emulator ended: see {self._log.name}"
        try:
            return self.read("/_ministack/ready") is not None
        except OSError:
            return None

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"mode": "standard"}, s3={"addressing_style": "path"}),
        )

    def read(self, path):
        """Reads a page of the emulator about itself."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            return json.load(answer)

    def programs(self, function):
        """The ids of the processes in which a function runs."""
        name = f"AWS_LAMBDA_FUNCTION_NAME={STACK}-{function}".encode()
        return [
            int(process.name)
            for process in Path("/proc").iterdir()
            if process.name.isdigit() and name in _environment(process) and _runs_bootstrap(process)
        ]

    def stop(self):
        """Ends the emulator and all processes that it started."""
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()


def _environment(process):
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _runs_bootstrap(process):
    try:
        return (process / "exe").readlink().name == "bootstrap"
    except OSError:
        return False


class Stack:
    """The stack of infra/template.yaml, and its API."""

    def __init__(self, cloud, issuer):
        self.cloud = cloud
        self.issuer = issuer
        s3 = cloud.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        for code in template.code_of(template.written()).values():
            assert code.exists(), f"{code} is missing: run cargo xtask package"
            s3.upload_file(str(code), BUCKET, code.name)
        # The template is too large for a request, so it is uploaded, as `sam deploy` does.
        body = json.dumps(template.packaged(BUCKET)).encode()
        s3.put_object(Bucket=BUCKET, Key="template.json", Body=body)
        parameters = {
            "Issuer": issuer.url,
            "Audience": AUDIENCE,
            "PortalUrl": "https://credits.example.com",
            "PortalClientId": "portal",
            "MailFrom": SENDER,
            "AlarmEmail": "operations@example.com",
            "Architecture": os.uname().machine.replace("aarch64", "arm64"),
            "DeletionProtection": "false",
            # The emulator has no archives.
            "EventArchiveDays": "0",
        }
        formation = cloud.client("cloudformation")
        formation.create_stack(
            StackName=STACK,
            TemplateURL=f"{cloud.url}/{BUCKET}/template.json",
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )

        def settled():
            stack = formation.describe_stacks(StackName=STACK)["Stacks"][0]
            return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack

        stack = wait_until(settled, "the stack is deployed")
        events = formation.describe_stack_events(StackName=STACK)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        assert stack["StackStatus"] == "CREATE_COMPLETE", failed
        self._let_mails_be_sent()
        self._prepare_the_portal()
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        self.operator = Api(self, issuer.token("operator"))

    def _let_mails_be_sent(self):
        """Allows SendEmail on every resource. AWS checks it on an identity and a configuration set, the emulator on `*`."""
        allow = {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"}
        self.cloud.client("iam").put_role_policy(
            RoleName=self.resource("NotifyRole"),
            PolicyName="emulator",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
        )

    def _prepare_the_portal(self):
        """Gives the portal a key of letters and digits, and the address of the API.

        The emulator generates secrets with punctuation, although the template excludes it, and serves the API at another address
        than AWS.
        """
        key = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(88))
        self.cloud.client("secretsmanager").put_secret_value(SecretId=self.resource("SessionKeys"), SecretString=key)
        functions = self.cloud.client("lambda")
        name = f"{STACK}-portal"
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        variables["API_URL"] = api_root(self)
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    def resource(self, logical_id):
        formation = self.cloud.client("cloudformation")
        detail = formation.describe_stack_resource(StackName=STACK, LogicalResourceId=logical_id)
        return detail["StackResourceDetail"]["PhysicalResourceId"]


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def expect(self, status):
        assert self.status == status, f"{self.status}: {self.body[:2_000]}"
        return self.json if self.body[:1] in (b"{", b"[") else self.body


def api_root(stack):
    """The address of the HTTP API."""
    return f"{stack.cloud.url}/_aws/execute-api/{stack.resource('Api')}/$default"


class Api:
    """The HTTP API, with a token."""

    def __init__(self, stack, token):
        self._root = api_root(stack)
        self._token = token

    def call(self, method, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(f"{self._root}{path}", body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as answer:
            return Answer(answer.code, answer.headers, answer.read())

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body, **headers):
        return self.call("POST", path, body, **headers)

    def put(self, path, body):
        return self.call("PUT", path, body)

    def account(self, account):
        return self.get(f"/v1/accounts/{account}").expect(200)

    def open(self, account, emails=(), **more):
        """Creates an account in EUR with a valid card."""
        self.post(
            "/v1/accounts",
            {"accountId": account, "name": account.title(), "currency": "EUR", "notificationEmails": list(emails), **more},
        ).expect(201)
        self.put(f"/v1/accounts/{account}/payment-method", {"paymentMethod": "pm_card_visa"}).expect(200)

    def transactions(self, account, kind):
        return self.get(f"/v1/accounts/{account}/transactions?kind={kind}&limit=100").expect(200)["transactions"]


class Browser:
    """What a browser does with the portal's pages: it keeps cookies, says where a form comes from, and follows no redirect."""

    def __init__(self, stack, language="en"):
        self._root, self._language, self._cookies = api_root(stack), language, {}

    def get(self, path, **headers):
        return self._send("GET", path, None, headers)

    def post(self, path, form, site="same-origin"):
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": site}
        return self._send("POST", path, urllib.parse.urlencode(form).encode(), headers)

    def _send(self, method, path, body, headers):
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"Accept-Language": self._language, "Cookie": cookies, **headers}
        request = urllib.request.Request(f"{self._root}{path}", body, headers, method=method)
        try:
            with _without_redirects.open(request, timeout=PATIENCE) as answer:
                return self._answer(answer.status, answer)
        except urllib.error.HTTPError as answer:
            return self._answer(answer.code, answer)

    def _answer(self, status, answer):
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, value = cookie.split(";")[0].split("=", 1)
            self._cookies[name] = value
        body = answer.read()
        if answer.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        return Answer(status, answer.headers, body)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


_without_redirects = urllib.request.build_opener(_NoRedirects)
