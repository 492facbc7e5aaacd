"""infra/template.yaml as it is written, as it is packaged, and as SAM expands it."""

import copy
import os
from pathlib import Path

import yaml
from samtranslator.translator.transform import transform

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "infra" / "template.yaml"

# The translator needs a region only for the name of the partition.
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref x` is `{"Ref": x}`, `!Sub x` is `{"Fn::Sub": x}`."""


def _long_form(loader, tag, node):
    value = {
        yaml.ScalarNode: loader.construct_scalar,
        yaml.SequenceNode: lambda node: loader.construct_sequence(node, deep=True),
        yaml.MappingNode: lambda node: loader.construct_mapping(node, deep=True),
    }[type(node)](node)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _long_form)
# Without this a version such as 2012-10-17 would be read as a date, which JSON does not have.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def written():
    """The template as data."""
    return yaml.load(TEMPLATE.read_text(), _Loader)


def code_of(template):
    """The zip of each function, by its logical id."""
    functions = {
        name: resource["Properties"]["CodeUri"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    return {name: (TEMPLATE.parent / code).resolve() for name, code in functions.items()}


def packaged(bucket):
    """The template after `sam package`, with each zip in a bucket under the name of its file."""
    template = copy.deepcopy(written())
    for name, zip_file in code_of(template).items():
        properties = template["Resources"][name]["Properties"]
        properties["CodeUri"] = f"s3://{bucket}/{zip_file.name}"
    return template


def expanded():
    """The template that CloudFormation deploys. The transform is applied here, without network."""
    no_managed_policies = type("Loader", (), {"load": staticmethod(dict)})
    return transform(packaged("code"), {}, no_managed_policies)
