"""What all tests share: how hypothesis searches, and a fresh interpreter to run code in."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import settings

# Threads of a kernel that wait for work leave the core to others: with more threads than cores
# they would spin for most of the time. Read when the threads start, so it stands before them.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# A busy machine is no fault of the code. In CI the same examples are drawn every time, so that a
# change is never blamed for what another change did.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session")
def run_python() -> Callable[..., str]:
    """Run ``python *arguments`` in a process of its own, where even an abort is only a failure.

    Returns what it printed; other keyword arguments become environment variables.
    """

    def run(*arguments: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run
