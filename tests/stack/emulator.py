"""The emulator of AWS, under a clock that is not the machine's: `python emulator.py`."""

import select
import time

# Under libfaketime, Python's own sleep asks for an instant of a clock that is not faked, and is refused.
time.sleep = lambda seconds: select.select([], [], [], seconds)

from ministack.app import main  # noqa: E402  what it imports must find the sleep above

main()
