"""
The other end of contestant.ts: says that it is ready, then answers every line on standard input with one measurement.
"""

import json
import sys
import time


def say(message):
    sys.stdout.write(json.dumps(message) + '\n')
    sys.stdout.flush()


def ready(version, losses=(), facts=None):
    say({'ready': {'version': version, 'losses': [float(loss) for loss in losses], 'facts': facts or {}}})


def serve(measure):
    """Calls `measure` once a line, until there are no more, and sends on what it gives."""
    for _ in sys.stdin:
        say({'value': measure()})


def milliseconds(work, repeats):
    """Mean time of `repeats` calls in a row."""
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start) * 1000 / repeats
