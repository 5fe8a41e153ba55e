"""Worker processes that misbehave: tiny programs that speak the worker's protocol, or fail to."""

from __future__ import annotations

import sys

from tester.runs.workers import WorkerProcess

HEAD = """
import json, os, signal, sys, time
def say(**message):
    sys.stdout.write(json.dumps(message) + "\\n"); sys.stdout.flush()
def jobs():
    for line in sys.stdin:
        command = json.loads(line)
        if "run" in command:
            yield command["run"]
say(type="ready")
"""
ECHO = HEAD + "for job in jobs(): say(type='done', result={'pid': os.getpid(), 'size': len(json.dumps(job))})"
KILLED = HEAD + "for job in jobs(): os.kill(os.getpid(), signal.SIGKILL)"
EXITS = HEAD + "for job in jobs(): sys.exit(3)"
HANGS = HEAD + "for job in jobs(): say(type='frame', at_ms=0); time.sleep(600)"
NONSENSE = HEAD + "for job in jobs(): print('Give Feedback / Get Help', flush=True)"
NO_TYPE = HEAD + "for job in jobs(): print('[1, 2]', flush=True)"
FAILS = HEAD + "for job in jobs(): say(type='failed', error='KeyError: x')"


def performer(program: str) -> WorkerProcess:
    """A worker that runs this program."""
    return WorkerProcess([sys.executable, "-c", program])
