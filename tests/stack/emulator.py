"""The emulator of AWS: `python emulator.py`.

Its clock is not the machine's, and is never put forward while a function is handling a message. It replaces Scheduler's context
attributes.
"""

import datetime
import fcntl
import os
import select
import time
import uuid

# Python's own sleep fails under libfaketime, since it waits for an instant of a clock that is not faked.
time.sleep = lambda seconds: select.select([], [], [], seconds)

from ministack.app import main  # noqa: E402  its imports must find the sleep above
from ministack.services import eventbridge, lambda_svc  # noqa: E402

invoke_target = eventbridge._invoke_target


def invoke_with_context(target, event, rule, view=None):
    """Replaces the context attributes in the input of a schedule, as AWS documents it. The emulator does not.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """
    if event.get("Source") == "aws.scheduler" and "Input" in target:
        at = datetime.datetime.fromtimestamp(event["Time"], datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        text = target["Input"].replace("<aws.scheduler.scheduled-time>", at)
        target = {**target, "Input": text.replace("<aws.scheduler.execution-id>", uuid.uuid4().hex[:16])}
    return invoke_target(target, event, rule, view)


eventbridge._invoke_target = invoke_with_context

poll_queues = lambda_svc._poll_sqs
dispatch = lambda_svc._dispatch_esm_batch


def hold_clock():
    """Keeps the clock from being put forward until the file that it returns is closed."""
    hold = open(os.environ["CLOCK_LOCK"])
    fcntl.flock(hold, fcntl.LOCK_SH)
    return hold


def poll_queues_with_clock_held():
    with hold_clock():
        return poll_queues()


def dispatch_with_clock_held(mapping, run, *batch):
    """Holds the clock while a function handles a batch. Else a message could become visible meanwhile, and its deletion fail."""
    hold = hold_clock()

    def run_and_let_go(*batch):
        with hold:
            run(*batch)

    dispatch(mapping, run_and_let_go, *batch)


lambda_svc._poll_sqs = poll_queues_with_clock_held
lambda_svc._dispatch_esm_batch = dispatch_with_clock_held

main()
