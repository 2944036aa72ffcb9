"""What all tests share: how hypothesis searches, and a fresh interpreter to run code in."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

from minicnn import kernels
from minicnn.kernels.fast.parallel import COMPILES_AHEAD

# Threads of a kernel that wait for work leave the core to others: with more threads than cores
# they would spin for most of the time. Read when the threads start, so it stands before them.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# Where kernels are to be compiled, the processes of the tests are enough to do so: another one that
# compiles ahead would only take their cores. Nor is there a notice of it then.
os.environ.setdefault(COMPILES_AHEAD, "yes")

# A busy machine is no fault of the code. In CI the same examples are drawn every time, so that a
# change is never blamed for what another change did.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``pytest --kernels reference`` runs every test on the kernels in NumPy instead."""
    parser.addoption("--kernels", choices=kernels.SETS, default="fast", help="set of kernels")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process begins with the kernels, the other with the lessons, which need few of them.

    So what is not compiled yet is compiled once, and the rest of the tests find it on the disk.
    """
    first = ("tests/properties/test_kernels.py", "tests/learn")
    items.sort(key=lambda item: [not item.nodeid.startswith(each) for each in first])


@pytest.fixture(scope="session", autouse=True)
def kernel_set_of_the_session(request: pytest.FixtureRequest) -> Iterator[None]:
    with kernels.use(request.config.getoption("--kernels")):
        yield


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


@pytest.fixture
def command(monkeypatch, capsys) -> Callable[..., SimpleNamespace]:
    """Call the entry point as the `minicnn` script does; an exception is a failure of the test.

    Returns `code`, `out` and `err`.
    """
    from minicnn import cli

    def call(*arguments: object) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["minicnn", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return SimpleNamespace(code=end.value.code or 0, out=out, err=err)

    return call


@pytest.fixture
def _interruptible():
    """Processes that we start listen to Ctrl-C, even if we were started where it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, without a window; tests that need it are skipped where there is none."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("there is no chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()
