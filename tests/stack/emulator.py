"""The emulator of AWS, under a clock that is not the machine's, with Scheduler's context attributes: `python emulator.py`."""

import datetime
import select
import time
import uuid

# Under libfaketime, Python's own sleep asks for an instant of a clock that is not faked, and is refused.
time.sleep = lambda seconds: select.select([], [], [], seconds)

from ministack.app import main  # noqa: E402  what it imports must find the sleep above
from ministack.services import eventbridge  # noqa: E402

invoke_target = eventbridge._invoke_target


def invoke_with_context(target, event, rule, view=None):
    """Replaces what Scheduler replaces in a schedule's input, as AWS documents it; the emulator leaves it as it is written.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """
    if event.get("Source") == "aws.scheduler" and "Input" in target:
        at = datetime.datetime.fromtimestamp(event["Time"], datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        text = target["Input"].replace("<aws.scheduler.scheduled-time>", at)
        target = {**target, "Input": text.replace("<aws.scheduler.execution-id>", uuid.uuid4().hex[:16])}
    return invoke_target(target, event, rule, view)


eventbridge._invoke_target = invoke_with_context

main()
