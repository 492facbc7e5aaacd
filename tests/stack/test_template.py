"""The rules of the template: least privilege, no event lost without notice, an alarm for everything, and agreement with the
documents and the code.

Each check reads the template as SAM expands it and yields the problems. It must find none in the template itself, and find each
mistake in templates that are broken on purpose.
"""

import copy
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from template import ROOT, TEMPLATE
from template import expanded as expand

FUNCTIONS = sorted(main.parts[-3] for main in ROOT.glob("functions/*/src/main.rs"))

# The tables that each function reads, and those that it writes, as in the drawing of ARCHITECTURE.md.
TABLES = {
    "purchase": ("accounts journal payments sandbox", "accounts journal payments sandbox"),
    "authorize": ("accounts", "accounts journal payments"),
    "debit": ("accounts journal payments", "accounts journal payments"),
    "account": ("accounts journal payments sandbox", "accounts journal payments sandbox"),
    "portal": ("", ""),
    "statement": ("accounts journal payments", "accounts"),
    "report": ("accounts journal", "accounts journal payments"),
    "invoice": ("accounts payments", "accounts journal payments"),
    "expire": ("accounts", "accounts journal payments"),
    "recharge": ("accounts payments sandbox", "accounts journal payments sandbox"),
    "webhook": ("", ""),
    "publish": ("journal", ""),
    "notify": ("accounts payments", "notices"),
    "reconcile": ("accounts journal payments", ""),
}

# The indexes that each function queries.
INDEXES = {
    "account": "accounts/listing sandbox/byCustomer",
    "statement": "payments/creation journal/latePosted",
    "invoice": "accounts/dueInvoice",
    "expire": "accounts/dueExpire",
    "purchase": "sandbox/byCustomer",
    "recharge": "accounts/dueRecharge sandbox/byCustomer",
    "publish": "accounts/listing journal/latePosted",
    "reconcile": "accounts/listing",
}

# The other rights of each function: to consume queues and streams, and to use dead-letter queues, the bus, the bucket and mails.
BESIDES = {
    "purchase": "secretsmanager:GetSecretValue:PurchaseCardKey",
    "account": "secretsmanager:GetSecretValue:AccountCardKey",
    "debit": "consumes:DebitsQueue sqs:SendMessage:ScheduleDeadLetters",
    "invoice": "sqs:SendMessage:ScheduleDeadLetters",
    "expire": "sqs:SendMessage:ScheduleDeadLetters",
    "recharge": "consumes:RechargeQueue consumes:ProcessorQueue sqs:SendMessage:ScheduleDeadLetters"
    " secretsmanager:GetSecretValue:RechargeCardKey",
    "publish": "consumes:accounts/stream events:PutEvents:Bus s3:ListBucket:UndeliveredBucket"
    " s3:PutObject:UndeliveredBucket/objects s3:GetObject:UndeliveredBucket/objects s3:DeleteObject:UndeliveredBucket/objects",
    "portal": "secretsmanager:GetSecretValue:SessionKeys",
    "webhook": "secretsmanager:GetSecretValue:WebhookSecrets sqs:SendMessage:ProcessorQueue",
    "notify": "consumes:NotifyQueue ses:SendEmail:identity ses:SendEmail:configuration-set",
    "reconcile": "sqs:SendMessage:ScheduleDeadLetters",
}

# Routes that need no token, with their functions and operations: the portal signs people in itself, and the webhook checks signatures.
WEBHOOK = re.search(r'ROUTE: &str = "(.*)"', (ROOT / "functions/webhook/src/lib.rs").read_text())[1]
WITHOUT_TOKEN = {"$default": ("portal", "showPage"), WEBHOOK: ("webhook", "takeMessage")}

# Functions that end holds, and add to the spending of users. No other function deletes or updates an item of `accounts`.
ENDS_HOLDS = ["authorize", "debit"]

# Functions that charge cards must end before the lease of an attempt does (`LEASE` in shared/domain/src/card_payment.rs).
CHARGES_CARDS = ["PurchaseFunction", "RechargeFunction"]
LEASE_SECONDS = 120
MARGIN_SECONDS = 15

# The properties of a table that the code defines, in docs/deployment.json.
KEYS_AND_MORE = ["AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "StreamSpecification", "TimeToLiveSpecification"]

# DynamoDB's streams keep a record for a day.
STREAM_KEEPS = 24 * 60 * 60

# A policy can name the objects of a bucket only like this.
OBJECTS = re.compile(r"\$\{(\w+Bucket)\.Arn\}/\*")

READS = {"GetItem", "BatchGetItem", "Query", "ConditionCheckItem"}
WRITES = {"PutItem", "UpdateItem", "DeleteItem"}
CONSUMES = {"ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes"}
STREAMS = {"GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"}


# ---- Reading a template ----------------------------------------------------------------------------------------------


def listed(value):
    """A value as a list. IAM accepts one value or a list. Of a condition, it is the value without what is optional."""
    if isinstance(value, dict) and isinstance(value.get("Fn::If", [None])[-1], list):
        return value["Fn::If"][-1]
    return value if isinstance(value, list) else [value]


def of_type(template, *types):
    """The resources of these types: logical id and properties."""
    resources = template["Resources"].items()
    return {name: resource.get("Properties", {}) for name, resource in resources if resource["Type"] in types}


def target(reference):
    """The logical id of a Ref or GetAtt. For the stream of a table that may be restored, it is that of the original table."""
    if "Fn::If" in reference:
        return target(reference["Fn::If"][2])
    return reference.get("Ref") or reference["Fn::GetAtt"][0]


def text(value):
    """A string, or the string of a Sub before substitution."""
    if isinstance(value, dict) and "Fn::Sub" in value:
        value = value["Fn::Sub"]
        return value[0] if isinstance(value, list) else value
    return value if isinstance(value, str) else ""


def strings(value):
    """Every string in a value, however deep."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [string for item in value for string in strings(item)]
    return [value] if isinstance(value, str) else []


def crate(function):
    """The name of a function's crate, which is the function's name without the stack's."""
    return text(function["FunctionName"]).removeprefix("${AWS::StackName}-")


def functions(template):
    """The functions' properties, by their crates."""
    return {crate(function): function for function in of_type(template, "AWS::Lambda::Function").values()}


def statements(role):
    """The statements of a role or policy."""
    policies = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
    policies += [role["PolicyDocument"]] if "PolicyDocument" in role else []
    return [statement for policy in policies for statement in policy["Statement"]]


def named(resource):
    """The short name of a resource in a policy, such as `accounts`, `accounts/listing`, `Bus` or `identity`."""
    if "Fn::If" in resource:
        return named(resource["Fn::If"][2])
    if "Ref" in resource:
        return resource["Ref"]
    if "Fn::GetAtt" in resource:
        name, attribute = resource["Fn::GetAtt"]
        table = name.removesuffix("Table").lower() if name.endswith("Table") else name
        return f"{table}/stream" if attribute == "StreamArn" else table
    arn = text(resource)
    if index := re.fullmatch(r"\$\{(\w+)Table\.Arn\}/index/(\w+)", arn):
        return f"{index[1].lower()}/{index[2]}"
    if table := re.search(r":table/\$\{AWS::StackName\}-(\w+)\$\{TableSuffix\}(?:/index/(\w+))?$", arn):
        return "/".join(filter(None, table.groups()))
    if objects := OBJECTS.fullmatch(arn):
        return f"{objects[1]}/objects"
    if ses := re.search(r":ses:[^/]*:([\w-]+)/", arn):
        return ses[1]
    return arn


def limited_to_sender(statement):
    """Whether a statement allows only mails from the sender's address, under any identity of the account."""
    return (
        statement["Action"] == "ses:SendEmail"
        and statement["Resource"] == {"Fn::Sub": "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/*"}
        and statement.get("Condition") == {"StringEquals": {"ses:FromAddress": {"Ref": "MailFrom"}}}
    )


def role_of(template, function):
    """A function's role."""
    return template["Resources"][target(function["Role"])]["Properties"]


# ---- Checks ----------------------------------------------------------------------------------------------------------


def wildcards(template):
    """No policy uses `*`, and no managed policy of AWS is attached. The exceptions are mails, which are limited by their sender's
    address, and all objects of a bucket of the stack."""
    for name, role in of_type(template, "AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy").items():
        if role.get("ManagedPolicyArns"):
            yield f"{name} has a policy that is not written here"
        for statement in statements(role):
            for action in listed(statement.get("Action", "*")):
                if "*" in action:
                    yield f"{name} may do {action}"
            for resource in listed(statement.get("Resource", "*")):
                if OBJECTS.fullmatch(text(resource)) or limited_to_sender(statement):
                    continue
                if any("*" in string for string in strings(resource)):
                    yield f"{name} may do something to {resource}"
    for name, policy in of_type(template, "AWS::SQS::QueuePolicy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            if set(statement["Principal"]) != {"Service"} or statement["Action"] != "sqs:SendMessage":
                yield f"{name} lets in more than a service that sends"
            if "aws:SourceArn" not in statement.get("Condition", {}).get("ArnEquals", {}):
                yield f"{name} lets in the whole service"
    for name, key in of_type(template, "AWS::KMS::Key").items():
        # In a key policy `*` is that key. This statement leaves the decision to IAM policies, and there must be no other.
        account = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
        if [statement["Principal"] for statement in key["KeyPolicy"]["Statement"]] != [account]:
            yield f"{name} is open to more than the account's own policies"


def of_markers(statement):
    """Whether a statement is about the markers of unrated records alone, whose partitions no account has."""
    return statement.get("Condition") == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["unrated#*"]}}


def needless_rights(template):
    """Each function has exactly the rights that it needs on tables, queues, bus, bucket and mails."""
    for name, function in functions(template).items():
        rights = {"reads": set(), "writes": set(), "lists": set(), "besides": set()}
        sources, of_holds = {}, set()
        for statement in statements(role_of(template, function)):
            for action in listed(statement["Action"]):
                service, verb = action.split(":")
                for resource in map(named, listed(statement["Resource"])):
                    if service == "logs":
                        if resource != target(function["LoggingConfig"]["LogGroup"]):
                            yield f"{name} writes to the logs of others"
                    elif service == "kms":
                        if "kms:ViaService" not in statement.get("Condition", {}).get("StringEquals", {}):
                            yield f"{name} uses the key for itself"
                    elif verb in CONSUMES | STREAMS:
                        sources.setdefault(resource, set()).add(verb)
                    elif service == "dynamodb" and "/" in resource:
                        rights["lists"].add(resource)
                    elif service == "dynamodb" and verb in READS:
                        rights["reads"].add(resource)
                    elif service == "dynamodb" and verb in WRITES:
                        rights["writes"].add(resource)
                        if verb == "PutItem" or resource not in ("accounts", "journal", "payments") or of_markers(statement):
                            continue
                        if name in ENDS_HOLDS and resource == "accounts":
                            of_holds.add(verb)
                        else:
                            yield f"{name} may change or delete what is in the books ({verb})"
                    else:
                        rights["besides"].add(f"{action}:{resource}")
        for resource, verbs in sources.items():
            rights["besides"].add(f"consumes:{resource}")
            if verbs not in (CONSUMES, STREAMS):
                yield f"{name} cannot do all that it takes to consume {resource}"
        if name in ENDS_HOLDS and of_holds != {"UpdateItem", "DeleteItem"}:
            yield f"{name} cannot end a hold, or cannot add to the spending of a user"
        reads, writes = TABLES[name]
        needs = {"reads": reads, "writes": writes, "lists": INDEXES.get(name, ""), "besides": BESIDES.get(name, "")}
        for right, has in rights.items():
            for resource in sorted(has ^ set(needs[right].split())):
                yield f"{name} {right} {resource}: {'is not needed' if resource in has else 'is missing'}"


def lost_events(template):
    """An event that cannot be delivered or handled ends in a dead-letter queue or bucket, after a limited number of tries. Whole
    records of the stream end in a bucket before the stream deletes them. A queue would get only their sequence numbers."""
    queues = of_type(template, "AWS::SQS::Queue")
    buckets = of_type(template, "AWS::S3::Bucket")
    for name, mapping in of_type(template, "AWS::Lambda::EventSourceMapping").items():
        source = target(mapping["EventSourceArn"])
        if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name}: one bad record fails its whole batch"
        if source in queues:
            if "RedrivePolicy" not in queues[source]:
                yield f"{name}: {source} has no dead-letter queue"
            continue
        on_failure = mapping.get("DestinationConfig", {}).get("OnFailure")
        if not on_failure or target(on_failure["Destination"]) not in buckets:
            yield f"{name} has no failure destination that holds records"
        if not mapping.get("BisectBatchOnFunctionError"):
            yield f"{name} does not bisect"
        if mapping.get("MaximumRetryAttempts") != -1:
            yield f"{name} gives up during an outage"
        if not 0 < mapping.get("MaximumRecordAgeInSeconds", -1) <= STREAM_KEEPS - 60 * 60:
            yield f"{name} tries until the stream has forgotten its records"
        if mapping.get("MetricsConfig") != {"Metrics": ["EventCount"]}:
            yield f"{name} does not count what it gives up"
    lets_in = [
        (target(statement["Condition"]["ArnEquals"]["aws:SourceArn"]), target(resource))
        for policy in of_type(template, "AWS::SQS::QueuePolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        for resource in listed(statement["Resource"])
    ]
    for name, rule in of_type(template, "AWS::Events::Rule").items():
        for to in rule["Targets"]:
            if "DeadLetterConfig" not in to or "RetryPolicy" not in to:
                yield f"{name} has no dead-letter queue or tries for ever"
                continue
            if target(to["Arn"]) not in queues:
                yield f"{name} calls a function, whose errors the rule's dead-letter queue does not catch"
                continue
            for queue in (to["Arn"], to["DeadLetterConfig"]["Arn"]):
                if (name, target(queue)) not in lets_in:
                    yield f"{name} may not send to {target(queue)}"
    invoked = {target(config["FunctionName"]): config for config in of_type(template, "AWS::Lambda::EventInvokeConfig").values()}
    for name, schedule in of_type(template, "AWS::Scheduler::Schedule").items():
        to = schedule["Target"]
        if "DeadLetterConfig" not in to or "RetryPolicy" not in to:
            yield f"{name} has no dead-letter queue or tries for ever"
            continue
        role = template["Resources"][target(to["RoleArn"])]["Properties"]
        may = {(statement["Action"], target(resource)) for statement in statements(role) for resource in listed(statement["Resource"])}
        if not {("lambda:InvokeFunction", target(to["Arn"])), ("sqs:SendMessage", target(to["DeadLetterConfig"]["Arn"]))} <= may:
            yield f"{name} may not invoke its function, or leave a dead letter"
        # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
        if json.loads(to.get("Input", "{}")) != {"time": "<aws.scheduler.scheduled-time>", "id": "<aws.scheduler.execution-id>"}:
            yield f"{name} has an input that does not carry the time and the run's id"
        # The Scheduler invokes asynchronously, so it does not see a failure of the function.
        on_failure = invoked.get(target(to["Arn"]), {}).get("DestinationConfig", {}).get("OnFailure")
        if not on_failure:
            yield f"{name}: what fails in {target(to['Arn'])} is lost"


def careless_queues(template):
    """Visibility timeouts and leases outlast a function. Queues keep messages for as long as possible, and are encrypted."""
    queues = of_type(template, "AWS::SQS::Queue")
    for mapping in of_type(template, "AWS::Lambda::EventSourceMapping").values():
        source, function = target(mapping["EventSourceArn"]), target(mapping["FunctionName"])
        timeout = template["Resources"][function]["Properties"]["Timeout"]
        if source in queues and queues[source]["VisibilityTimeout"] < 6 * timeout:
            yield f"{source} delivers again while {function} may be at it"
    for function in CHARGES_CARDS:
        if template["Resources"][function]["Properties"]["Timeout"] + MARGIN_SECONDS > LEASE_SECONDS:
            yield f"recovery may look at a charge while {function} is at work on it"
    for name, queue in queues.items():
        if queue.get("SqsManagedSseEnabled") is not True:
            yield f"{name} is not encrypted"
        if queue["MessageRetentionPeriod"] != 14 * 24 * 60 * 60:
            yield f"{name} does not keep its messages for two weeks"
        if dead := queue.get("RedrivePolicy"):
            dead_letters = queues[target(dead["deadLetterTargetArn"])]
            if dead_letters.get("FifoQueue") != queue.get("FifoQueue"):
                yield f"{name} and its dead-letter queue are of two kinds"


def careless_buckets(template):
    """Buckets are encrypted with the stack's key, not public, versioned, and retained after the stack."""
    for name, bucket in of_type(template, "AWS::S3::Bucket").items():
        resource = template["Resources"][name]
        encrypted = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": ["Key", "Arn"]}}
        rules = bucket.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
        if [rule["ServerSideEncryptionByDefault"] for rule in rules] != [encrypted]:
            yield f"{name} is not encrypted with our key"
        blocked = bucket.get("PublicAccessBlockConfiguration", {})
        if len(blocked) != 4 or not all(blocked.values()):
            yield f"{name} may be opened to the public"
        if bucket.get("VersioningConfiguration") != {"Status": "Enabled"}:
            yield f"{name} forgets what is deleted at once"
        if {resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")} != {"Retain"}:
            yield f"{name} may go with the stack"


def in_any_order(definitions):
    """Sorts a list of attributes or indexes, whose order does not matter."""
    return sorted(definitions, key=json.dumps) if isinstance(definitions, list) else definitions


def careless_tables(template):
    """Tables have the keys that the code defines, bill by use, can be restored to any second, are encrypted with the stack's key,
    and are retained after the stack."""
    documented = dict(re.findall(r"^## `(\w+)`: (.+)$", (ROOT / "docs/stored-shapes.md").read_text(), re.M))
    defined = json.loads((ROOT / "docs/deployment.json").read_text())["tables"]
    tables = of_type(template, "AWS::DynamoDB::Table")
    for name, table in tables.items():
        resource = template["Resources"][name]
        wanted = {
            "BillingMode": "PAY_PER_REQUEST",
            "DeletionProtectionEnabled": {"Ref": "DeletionProtection"},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]}},
        }
        for setting, value in wanted.items():
            if table.get(setting) != value:
                yield f"{name}: {setting} is not {value}"
        if {resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")} != {"Retain"}:
            yield f"{name} may go with the stack"
        definition = defined.pop(text(table["TableName"]).rsplit("-", 1)[1], {})
        for aspect in KEYS_AND_MORE:
            if in_any_order(table.get(aspect)) != in_any_order(definition.get(aspect)):
                yield f"{name}: {aspect} is another than the code defines"
        keys = [key["AttributeName"] for key in table["KeySchema"]]
        if re.findall(r"`(\w+)`", documented.pop(text(table["TableName"]).rsplit("-", 1)[1], "")) != keys:
            yield f"{name} has other keys than docs/stored-shapes.md says"
    for name in sorted(documented.keys() | defined.keys()):
        yield f"there is no table {name}"
    if template["Parameters"]["DeletionProtection"]["Default"] != "true":
        yield "tables can be deleted unless somebody says otherwise"


def blind_spots(template):
    """Every function and every dead-letter queue has an alarm, and every alarm notifies the topic."""
    watched = set()
    for name, alarm in of_type(template, "AWS::CloudWatch::Alarm").items():
        if alarm.get("AlarmActions") != [{"Ref": "AlarmTopic"}] or alarm.get("ActionsEnabled") is False:
            yield f"{name} tells nobody"
        for dimension in alarm.get("Dimensions", []):
            if isinstance(dimension["Value"], dict) and not text(dimension["Value"]):
                watched.add((alarm["MetricName"], target(dimension["Value"])))
    for name in of_type(template, "AWS::Lambda::Function"):
        if ("Errors", name) not in watched:
            yield f"{name} has no alarm"
    for name in of_type(template, "AWS::SQS::Queue"):
        if name.endswith("DeadLetters") and ("ApproximateNumberOfMessagesVisible", name) not in watched:
            yield f"nobody hears of what is in {name}"
    for name, mapping in of_type(template, "AWS::Lambda::EventSourceMapping").items():
        if "MetricsConfig" in mapping and ("OnFailureDestinationDeliveredEventCount", name) not in watched:
            yield f"nobody hears of what {name} gives up"
    for name, function in of_type(template, "AWS::Lambda::Function").items():
        logs = template["Resources"][target(function["LoggingConfig"]["LogGroup"])]["Properties"]
        if "RetentionInDays" not in logs:
            yield f"{name} keeps its logs for ever"


def alarms_that_cannot_go_off(template):
    """An alarm on the age of a queue goes off while a failing message still counts.

    A standard queue moves a message to the back at its third receipt, after twice the visibility timeout. From then on its age
    does not count. A FIFO queue keeps its order.
    """
    queues = of_type(template, "AWS::SQS::Queue")
    for name, alarm in of_type(template, "AWS::CloudWatch::Alarm").items():
        if alarm["MetricName"] != "ApproximateAgeOfOldestMessage":
            continue
        queue = queues[target(alarm["Dimensions"][0]["Value"])]
        if queue.get("FifoQueue"):
            continue
        # The metric has one value each minute.
        if alarm["Threshold"] + 60 > 2 * queue["VisibilityTimeout"] or alarm["EvaluationPeriods"] != 1:
            yield f"{name} looks for an age that no message reaches"


# The longest name that each service accepts. CloudFormation generates names that the template does not give.
LONGEST_NAMES = {
    "AWS::CloudWatch::Dashboard": ("DashboardName", 255),
    "AWS::DynamoDB::Table": ("TableName", 255),
    "AWS::Events::EventBus": ("Name", 256),
    "AWS::KMS::Alias": ("AliasName", 256),
    "AWS::Lambda::Function": ("FunctionName", 64),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::SES::ConfigurationSet": ("Name", 64),
    "AWS::SQS::Queue": ("QueueName", 80),
}


def long_names(template):
    """docs/aws.md gives the longest name of the stack, which the limits of the names derived from it allow."""
    longest = min(
        limit - len(text(resource[name]).replace("${AWS::StackName}", ""))
        for kind, (name, limit) in LONGEST_NAMES.items()
        for resource in of_type(template, kind).values()
        if text(resource.get(name))
    )
    said = re.search(r"stack's name has at most (\d+) characters", (ROOT / "docs/aws.md").read_text())
    if not said or int(said[1]) != longest:
        yield f"the stack's name may have {longest} characters, and docs/aws.md does not say so"


def costly_settings(template):
    """No unused metrics are paid for, and functions that answer requests of people have most of a core."""
    for name, stage in of_type(template, "AWS::ApiGatewayV2::Stage").items():
        if stage["DefaultRouteSettings"].get("DetailedMetricsEnabled"):
            yield f"{name} has metrics of each route, which nobody reads"
    found = functions(template)
    for name in ("account", "authorize", "debit", "statement", "report"):
        if name in found and found[name]["MemorySize"] < 1024:
            yield f"{name} has {found[name]['MemorySize']} MB, and people wait for it"


def unknown_metrics(template):
    """Alarms and the dashboard use the metrics of docs/metrics.md, in the namespace that the functions write to."""
    table = (ROOT / "docs/metrics.md").read_text()
    known = {metric: re.findall(r"\w+", dimension) for metric, dimension in re.findall(r"^\| `(\w+)` \| (.*?) \|", table, re.M)}
    ours = "CommunicationsCredits/${AWS::StackName}"
    used = [
        (name, alarm["MetricName"], [dimension["Name"] for dimension in alarm.get("Dimensions", [])])
        for name, alarm in of_type(template, "AWS::CloudWatch::Alarm").items()
        if text(alarm["Namespace"]) == ours
    ]
    searched = re.compile(r"SEARCH\('\{\"(.*)\",(\w+)\} MetricName=\"(\w+)\"")
    for name, dashboard in of_type(template, "AWS::CloudWatch::Dashboard").items():
        for widget in json.loads(text(dashboard["DashboardBody"]))["widgets"]:
            for first, *rest in widget["properties"]["metrics"]:
                if first == ours:
                    used.append((name, rest[0], []))
                elif isinstance(first, dict) and (search := searched.match(first["expression"])) and search[1] == ours:
                    used.append((name, search[3], [search[2]]))
    for name, metric, dimensions in used:
        if known.get(metric) != dimensions:
            yield f"{name} looks at {metric} by {dimensions}, which nobody writes"
    for name, function in functions(template).items():
        if text(function["Environment"]["Variables"]["METRICS_NAMESPACE"]) != ours:
            yield f"{name} writes its metrics elsewhere"


def unexplained_alarms(template):
    """Each alarm names its section of the runbook, and each section on alarms is about an existing one."""
    runbook = (ROOT / "docs/runbook.md").read_text()
    section = re.search(r"^## Alarms$(.*?)(?=^## |\Z)", runbook, re.M | re.S)[1]
    explained = re.findall(r"^### (\w+)$", section, re.M)
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    for name, alarm in alarms.items():
        if not text(alarm.get("AlarmDescription")).endswith(f"docs/runbook.md#{name.lower()}") or name not in explained:
            yield f"{name} leads to no section of the runbook"
    for name in explained:
        if name not in alarms:
            yield f"the runbook explains {name}, which is no alarm"


def wrong_routes(template):
    """The routes of the API are those of docs/openapi.json, need a token, and lead to the functions that list them. Two further
    ones need none: the pages, and the card processor's messages."""
    document = json.loads((ROOT / "docs/openapi.json").read_text())
    operations = {
        f"{verb.upper()} {path}": operation["operationId"]
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
    }
    answers = {}
    for name in FUNCTIONS:
        source = (ROOT / "functions" / name / "src/lib.rs").read_text()
        routes = re.search(r"api::routes! \{(.*?)\n\}", source, re.S)
        answers |= {route: name for route in re.findall(r'^ +"([A-Z]+ /[^"]*)"', routes[1] if routes else "", re.M)}
    integrations = of_type(template, "AWS::ApiGatewayV2::Integration")
    routes = of_type(template, "AWS::ApiGatewayV2::Route")
    for name, route in routes.items():
        key = route["RouteKey"]
        if key in WITHOUT_TOKEN:
            if route["AuthorizationType"] != "NONE":
                yield f"{name} asks for a token"
            answers[key], operations[key] = WITHOUT_TOKEN[key]
            route = {**route, "AuthorizationType": "JWT", "AuthorizerId": {"Ref": "Authorizer"}}
        if (route.get("AuthorizationType"), route.get("AuthorizerId")) != ("JWT", {"Ref": "Authorizer"}):
            yield f"{name} needs no token"
        if operations.pop(key, None) != route.get("OperationName"):
            yield f"{name} is not in docs/openapi.json, or is another operation there"
        integration = re.fullmatch(r"integrations/\$\{(\w+)\}", text(route["Target"]))[1]
        function = template["Resources"][target(integrations[integration]["IntegrationUri"])]["Properties"]
        if answers.get(key) != crate(function):
            yield f"{name} leads to {crate(function)}, which does not answer it"
    for key in operations:
        yield f"there is no route {key}"
    permitted = {target(permission["FunctionName"]) for permission in of_type(template, "AWS::Lambda::Permission").values()}
    for name, integration in integrations.items():
        if target(integration["IntegrationUri"]) not in permitted:
            yield f"{name}: the API may not call its function"


def wrong_settings(template):
    """Each function has the settings that ARCHITECTURE.md lists for it, and the code reads no others."""
    section = re.search(r"^## Settings$(.*?)^## ", (ROOT / "ARCHITECTURE.md").read_text(), re.M | re.S)[1]
    wanted = {name: set() for name in FUNCTIONS}
    for names, of_which in re.findall(r"^\| (`.*?) \| (.*?) \|", section, re.M):
        for name in FUNCTIONS if of_which == "all" else of_which.split(", "):
            wanted[name] |= set(re.findall(r"`(\w+)`", names))
    for name, function in functions(template).items():
        for setting in sorted(set(function["Environment"]["Variables"]) ^ wanted[name]):
            yield f"{name}: {setting} is {'missing' if setting in wanted[name] else 'not needed'}"
    sources = [path for folder in ("functions", "shared") for path in ROOT.glob(f"{folder}/*/src/**/*.rs")]
    read = {name for path in sources for name in re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"', path.read_text())}
    for setting in sorted((read ^ set().union(*wanted.values())) - {"RUST_LOG", "OUT_DIR"}):
        # `OUT_DIR` is cargo's. Settings of Lambda itself are left out, and those of TLS, which no deployment needs.
        if not setting.startswith(("AWS_", "LAMBDA_", "SSL_")):
            yield f"{setting} is read and not documented, or the other way round"


def wrong_functions(template):
    """The crate of every function is in the template, with its name and its zip."""
    found = functions(template)
    for name in sorted(set(FUNCTIONS) ^ set(found)):
        yield f"{name} is {'missing' if name in FUNCTIONS else 'no crate'}"
    for name, function in found.items():
        if function["Code"]["S3Key"] != f"{name}.zip":
            yield f"{name} runs {function['Code']['S3Key']}"


def wrong_rules(template):
    """The rules match known types of events, exactly those that their functions handle."""
    events = json.loads((ROOT / "docs/events.schema.json").read_text())
    known = {event["title"] for event in events["oneOf"]}
    queues = json.loads((ROOT / "docs/deployment.json").read_text())["queues"]
    for name, rule in of_type(template, "AWS::Events::Rule").items():
        types = rule["EventPattern"]["detail-type"]
        for kind in types:
            if kind not in known:
                yield f"{name} waits for {kind}, which nobody tells"
        if sorted(queues.pop(name.removesuffix("Rule").lower(), [])) != sorted(types):
            yield f"{name} lets in other events than its function handles"
    for queue in queues:
        yield f"no rule leads to the queue {queue}"


CHECKS = [
    wildcards,
    needless_rights,
    lost_events,
    careless_queues,
    careless_buckets,
    careless_tables,
    blind_spots,
    alarms_that_cannot_go_off,
    long_names,
    costly_settings,
    unknown_metrics,
    unexplained_alarms,
    wrong_routes,
    wrong_settings,
    wrong_functions,
    wrong_rules,
]


@pytest.fixture(scope="session")
def expanded():
    """The template as SAM expands it."""
    return expand()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_template_keeps_its_rules(expanded, check):
    assert list(check(expanded)) == [], check.__doc__


def test_cfn_lint_has_nothing_to_say():
    command = [Path(sys.executable).with_name("cfn-lint"), TEMPLATE]
    linted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr


# ---- The checks can fail ---------------------------------------------------------------------------------------------


def change(path, value):
    """A mistake: a property with another value."""
    *way, last = path

    def apply(resources):
        place = resources
        for step in way:
            place = place[step]
        place[last] = value

    return apply


def drop(path):
    """A mistake: a missing property or resource."""
    *way, last = path

    def apply(resources):
        place = resources
        for step in way:
            place = place[step]
        del place[last]

    return apply


def allow(role, action, resource):
    """A mistake: a role with one right more."""

    def apply(resources):
        policy = resources[role]["Properties"]["Policies"][0]["PolicyDocument"]
        policy["Statement"].append({"Effect": "Allow", "Action": action, "Resource": resource})

    return apply


def properties(name, *path):
    return (name, "Properties", *path)


PAYMENTS = {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${AWS::StackName}-payments${TableSuffix}"}
DASHBOARD = json.dumps(
    {
        "widgets": [
            {
                "properties": {
                    "metrics": [
                        [{"expression": "SEARCH('{\"CommunicationsCredits/${AWS::StackName}\",Currency} MetricName=\"Recharges\"', 'Sum')"}]
                    ]
                }
            }
        ]
    }
)
JOURNAL = {"Fn::Sub": PAYMENTS["Fn::Sub"].replace("payments", "journal")}
ACCOUNTS = {"Fn::Sub": PAYMENTS["Fn::Sub"].replace("payments", "accounts")}

MISTAKES = [
    (wildcards, allow("DebitRole", "dynamodb:GetItem", "*"), "DebitRole may do something to *"),
    (wildcards, allow("DebitRole", "dynamodb:*", JOURNAL), "DebitRole may do dynamodb:*"),
    (wildcards, allow("DebitRole", "sqs:SendMessage", {"Fn::Sub": "arn:aws:sqs:${AWS::Region}:1:x-*"}), "DebitRole may do something"),
    (wildcards, drop(properties("NotifyRole", "Policies", 0, "PolicyDocument", "Statement", 4, "Condition")), "NotifyRole may do something"),
    (wildcards, change(properties("NotifyRole", "Policies", 0, "PolicyDocument", "Statement", 4, "Action"), "ses:*"), "NotifyRole may do ses:*"),
    (wildcards, change(properties("NotifyRole", "ManagedPolicyArns"), ["arn:aws:iam::aws:policy/X"]), "is not written here"),
    (wildcards, drop(properties("NotifyQueuePolicy", "PolicyDocument", "Statement", 0, "Condition")), "the whole service"),
    (wildcards, change(properties("NotifyQueuePolicy", "PolicyDocument", "Statement", 0, "Principal"), {"AWS": "*"}), "more than a service"),
    (wildcards, change(properties("Key", "KeyPolicy", "Statement", 0, "Principal"), {"AWS": "*"}), "Key is open"),
    (needless_rights, allow("ExpireRole", "dynamodb:GetItem", PAYMENTS), "expire reads payments: is not needed"),
    (needless_rights, allow("DebitRole", "dynamodb:DeleteItem", JOURNAL), "debit may change or delete what is in the books"),
    (needless_rights, allow("ReconcileRole", "dynamodb:PutItem", JOURNAL), "reconcile writes journal: is not needed"),
    (needless_rights, allow("PurchaseRole", "dynamodb:DeleteItem", JOURNAL), "may change or delete what is in the books"),
    (needless_rights, allow("AuthorizeRole", "dynamodb:UpdateItem", JOURNAL), "authorize may change or delete what is in the books"),
    (needless_rights, allow("AccountRole", "dynamodb:DeleteItem", ACCOUNTS), "account may change or delete what is in the books"),
    (needless_rights, allow("WebhookRole", "dynamodb:GetItem", PAYMENTS), "webhook reads payments: is not needed"),
    (needless_rights, allow("WebhookRole", "secretsmanager:GetSecretValue", {"Ref": "SessionKeys"}), "GetSecretValue:SessionKeys: is not needed"),
    (needless_rights, drop(properties("AuthorizeRole", "Policies", 0, "PolicyDocument", "Statement", 2, "Action", 0)), "authorize cannot end a hold"),
    (wildcards, allow("DebitRole", "s3:GetObject", {"Fn::Sub": "${UndeliveredBucket.Arn}*"}), "DebitRole may do something"),
    (needless_rights, allow("DebitRole", "s3:GetObject", {"Fn::Sub": "${UndeliveredBucket.Arn}/*"}), "s3:GetObject:UndeliveredBucket/objects: is not needed"),
    (needless_rights, allow("ExpireRole", "sqs:SendMessage", {"Fn::GetAtt": ["NotifyQueue", "Arn"]}), "sqs:SendMessage:NotifyQueue: is not needed"),
    (needless_rights, allow("DebitRole", "kms:Decrypt", {"Fn::GetAtt": ["Key", "Arn"]}), "debit uses the key for itself"),
    (needless_rights, allow("DebitRole", "logs:PutLogEvents", {"Fn::GetAtt": ["ExpireLogs", "Arn"]}), "the logs of others"),
    (needless_rights, change(properties("ExpireRole", "Policies"), []), "expire lists accounts/dueExpire: is missing"),
    (needless_rights, change(properties("NotifyRole", "Policies", 0, "PolicyDocument", "Statement", -1, "Action"), ["sqs:ReceiveMessage"]), "consume NotifyQueue"),
    (lost_events, drop(properties("NotifyQueue", "RedrivePolicy")), "NotifyQueue has no dead-letter queue"),
    (lost_events, drop(properties("DebitFunctionQueue", "FunctionResponseTypes")), "fails its whole batch"),
    (lost_events, drop(properties("PublishFunctionStream", "DestinationConfig")), "PublishFunctionStream has no failure destination"),
    (lost_events, change(properties("PublishFunctionStream", "DestinationConfig", "OnFailure", "Destination"), {"Fn::GetAtt": ["NotifyDeadLetters", "Arn"]}), "that holds records"),
    (lost_events, change(properties("PublishFunctionStream", "MaximumRetryAttempts"), 50), "gives up during an outage"),
    (lost_events, change(properties("PublishFunctionStream", "MaximumRecordAgeInSeconds"), -1), "until the stream has forgotten"),
    (lost_events, drop(properties("PublishFunctionStream", "MetricsConfig")), "does not count what it gives up"),
    (lost_events, drop(properties("PublishFunctionStream", "BisectBatchOnFunctionError")), "does not bisect"),
    (lost_events, drop(properties("RechargeRule", "Targets", 0, "DeadLetterConfig")), "RechargeRule has no dead-letter queue"),
    (lost_events, change(properties("RechargeRule", "Targets", 0, "Arn"), {"Fn::GetAtt": ["RechargeFunction", "Arn"]}), "RechargeRule calls a function"),
    (lost_events, drop(properties("NotifyQueuePolicy", "PolicyDocument", "Statement", 0, "Resource", 1)), "NotifyRule may not send to NotifyDeadLetters"),
    (lost_events, drop(properties("SchedulerRole", "Policies", 0, "PolicyDocument", "Statement", 0, "Resource", 4)), "ReconcileFunctionSchedule may not invoke"),
    (lost_events, drop(properties("ExpireFunctionSchedule", "Target", "DeadLetterConfig")), "ExpireFunctionSchedule has no dead-letter queue"),
    (lost_events, change(properties("ExpireFunctionSchedule", "Target", "Input"), "{}"), "does not carry the time"),
    (lost_events, drop(properties("RechargeFunctionSchedule", "Target", "Input")), "does not carry the time"),
    (lost_events, drop(("ReconcileFunctionEventInvokeConfig",)), "what fails in ReconcileFunction is lost"),
    (careless_queues, change(properties("NotifyQueue", "VisibilityTimeout"), 120), "NotifyQueue delivers again"),
    (careless_queues, change(properties("RechargeFunction", "Timeout"), 120), "recovery may look at a charge while RechargeFunction"),
    (careless_queues, drop(properties("DebitsDeadLetters", "SqsManagedSseEnabled")), "DebitsDeadLetters is not encrypted"),
    (careless_queues, drop(properties("NotifyDeadLetters", "SqsManagedSseEnabled")), "NotifyDeadLetters is not encrypted"),
    (careless_queues, change(properties("DebitsDeadLetters", "MessageRetentionPeriod"), 60), "two weeks"),
    (careless_queues, drop(properties("DebitsDeadLetters", "FifoQueue")), "of two kinds"),
    (careless_buckets, drop(properties("UndeliveredBucket", "BucketEncryption")), "not encrypted with our key"),
    (careless_buckets, change(properties("UndeliveredBucket", "PublicAccessBlockConfiguration", "BlockPublicAcls"), False), "opened to the public"),
    (careless_buckets, drop(properties("UndeliveredBucket", "VersioningConfiguration")), "forgets what is deleted"),
    (careless_buckets, drop(("UndeliveredBucket", "DeletionPolicy")), "UndeliveredBucket may go with the stack"),
    (careless_tables, drop(properties("JournalTable", "PointInTimeRecoverySpecification")), "JournalTable: PointInTimeRecovery"),
    (careless_tables, drop(("JournalTable", "DeletionPolicy")), "JournalTable may go with the stack"),
    (careless_tables, drop(properties("NoticesTable", "KeySchema", 1)), "NoticesTable has other keys"),
    (careless_tables, drop(properties("NoticesTable", "TimeToLiveSpecification")), "NoticesTable: TimeToLiveSpecification is another"),
    (careless_tables, drop(properties("AccountsTable", "TimeToLiveSpecification")), "AccountsTable: TimeToLiveSpecification is another"),
    (careless_tables, drop(properties("AccountsTable", "GlobalSecondaryIndexes", 2)), "AccountsTable: GlobalSecondaryIndexes is another"),
    (careless_tables, drop(("PaymentsTable",)), "there is no table payments"),
    (blind_spots, drop(("AccountErrors",)), "AccountFunction has no alarm"),
    (blind_spots, drop(("NotifyDead",)), "nobody hears of what is in NotifyDeadLetters"),
    (blind_spots, drop(("PublishGaveUp",)), "nobody hears of what PublishFunctionStream gives up"),
    (blind_spots, change(properties("BooksDiffer", "AlarmActions"), []), "BooksDiffer tells nobody"),
    (blind_spots, drop(properties("NotifyLogs", "RetentionInDays")), "NotifyFunction keeps its logs for ever"),
    (alarms_that_cannot_go_off, change(properties("NotifyLate", "Threshold"), 700), "NotifyLate looks for an age"),
    (alarms_that_cannot_go_off, change(properties("RechargeLate", "EvaluationPeriods"), 2), "RechargeLate looks for an age"),
    (long_names, change(properties("ExpireFunction", "FunctionName"), {"Fn::Sub": "${AWS::StackName}-expire-what-is-due"}), "45 characters"),
    (costly_settings, change(properties("Stage", "DefaultRouteSettings", "DetailedMetricsEnabled"), True), "which nobody reads"),
    (costly_settings, change(properties("DebitFunction", "MemorySize"), 256), "debit has 256 MB"),
    (unknown_metrics, change(properties("BooksDiffer", "MetricName"), "BooksDisagree"), "BooksDiffer looks at BooksDisagree"),
    (unknown_metrics, change(properties("Dashboard", "DashboardBody"), DASHBOARD), "Dashboard looks at Recharges by ['Currency']"),
    (unknown_metrics, drop(properties("RechargesPaused", "Dimensions")), "RechargesPaused looks at Recharges by []"),
    (unknown_metrics, change(properties("ExpireFunction", "Environment", "Variables", "METRICS_NAMESPACE"), "Other"), "elsewhere"),
    (unexplained_alarms, change(properties("BooksDiffer", "AlarmDescription"), "Help!"), "BooksDiffer leads to no section"),
    (unexplained_alarms, drop(("BooksDiffer",)), "explains BooksDiffer, which is no alarm"),
    (wrong_routes, drop(("BuyFundsRoute",)), "there is no route POST /v1/accounts/{id}/purchases"),
    (wrong_routes, change(properties("BuyFundsRoute", "AuthorizationType"), "NONE"), "BuyFundsRoute needs no token"),
    (wrong_routes, change(properties("BuyFundsRoute", "Target"), {"Fn::Sub": "integrations/${DebitIntegration}"}), "leads to debit"),
    (wrong_routes, change(properties("BuyFundsRoute", "OperationName"), "giveFunds"), "is another operation there"),
    (wrong_routes, change(properties("StripeWebhookRoute", "AuthorizationType"), "JWT"), "StripeWebhookRoute asks for a token"),
    (wrong_routes, change(properties("StripeWebhookRoute", "RouteKey"), "POST /v1/webhooks/other"), "StripeWebhookRoute needs no token"),
    (wrong_routes, drop(("DebitPermission",)), "DebitIntegration: the API may not call"),
    (wrong_settings, drop(properties("DebitFunction", "Environment", "Variables", "RATES_FILE")), "debit: RATES_FILE is missing"),
    (wrong_settings, change(properties("ExpireFunction", "Environment", "Variables", "EVENT_BUS"), "x"), "expire: EVENT_BUS is not needed"),
    (wrong_functions, drop(("ExpireFunction",)), "expire is missing"),
    (wrong_functions, change(properties("ExpireFunction", "Code", "S3Key"), "debit.zip"), "expire runs debit.zip"),
    (wrong_rules, change(properties("RechargeRule", "EventPattern", "detail-type"), ["BalanceHigh"]), "BalanceHigh, which nobody tells"),
    (wrong_rules, drop(properties("NotifyRule", "EventPattern", "detail-type", 0)), "NotifyRule lets in other events"),
    (wrong_rules, drop(("NotifyRule",)), "no rule leads to the queue notify"),
]


@pytest.mark.parametrize(
    ("check", "mistake", "complaint"), MISTAKES, ids=[f"{check.__name__}-{complaint}" for check, _, complaint in MISTAKES]
)
def test_a_mistake_is_found(expanded, check, mistake, complaint):
    broken = copy.deepcopy(expanded)
    mistake(broken["Resources"])
    assert complaint in "\n".join(check(broken))


def test_every_check_can_fail():
    assert {check for check, _, _ in MISTAKES} == set(CHECKS)
