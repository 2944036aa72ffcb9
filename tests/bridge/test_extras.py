"""The hint on a missing package: a command that installs minicnn from where it came from."""

import json
import re
import shlex
import tomllib
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from minicnn.bridge import extras
from minicnn.errors import MissingPackageError


@pytest.fixture
def origin(monkeypatch, tmp_path):
    """Make as if pip had installed minicnn outside of the checkout, with this record of whence."""

    def install(**record: object) -> None:
        said = json.dumps(record) if record else None
        installed = SimpleNamespace(read_text={"direct_url.json": said}.get)
        monkeypatch.setattr(metadata, "distribution", {extras.DISTRIBUTION: installed}.get)
        monkeypatch.setattr(extras, "_TOP", tmp_path)

    return install


def test_in_a_checkout_the_checkout_is_named(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(extras, "_TOP", tmp_path)
    assert shlex.split(extras.install_command("web")) == [
        *("pip", "install", "-e", f"{tmp_path}[web]")
    ]
    monkeypatch.chdir(tmp_path)
    assert extras.install_command("web") == "pip install -e '.[web]'"
    assert extras.install_command() == "pip install -e ."


WHEEL = "file:///tmp/dist/minicnn_engine-0.1.0-py3-none-any.whl"
REPOSITORY = {"vcs": "git", "requested_revision": "main", "commit_id": "0123abc"}


@pytest.mark.parametrize(
    ("record", "here", "anywhere"),
    [
        ({}, "minicnn-engine[web]", "minicnn-engine[web]"),
        (
            {"url": WHEEL, "archive_info": {}},
            f"minicnn-engine[web] @ {WHEEL}",
            "minicnn-engine[web]",
        ),
        (
            {"url": "file:///home/me/minicnn", "dir_info": {}},
            "minicnn-engine[web] @ file:///home/me/minicnn",
            "minicnn-engine[web]",
        ),
        (
            {"url": "https://example.org/minicnn", "vcs_info": REPOSITORY},
            *2 * ["minicnn-engine[web] @ git+https://example.org/minicnn@0123abc"],
        ),
    ],
    ids=["index", "wheel", "folder", "repository"],
)
def test_outside_of_a_checkout_the_place_that_it_came_from_is_named(origin, record, here, anywhere):
    origin(**record)
    assert shlex.split(extras.install_command("web")) == ["pip", "install", here]
    assert extras.requirement("web") == anywhere


def test_where_nothing_says_whence_the_name_on_the_index_is_given(monkeypatch, tmp_path):
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    monkeypatch.setattr(extras, "_TOP", tmp_path)
    assert extras.install_command() == "pip install minicnn-engine"


def test_a_missing_package_is_named_with_the_command():
    with pytest.raises(MissingPackageError) as caught:
        extras.required("no_such_package", "export")
    assert "no_such_package" in str(caught.value)
    assert extras.install_command("export") in str(caught.value)


def test_every_extra_that_is_named_anywhere_is_there():
    """An extra that a hint names and that pyproject.toml lacks would be ignored by pip."""
    top = Path(extras.__file__).parents[2]
    known = tomllib.loads((top / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = {
        extra
        for path in (top / "minicnn").rglob("*.py")
        for extra in re.findall(
            r'(?:required\([^()]*, |install_command\(|requirement\()"(\w+)"\)', path.read_text()
        )
    }
    assert {"web", "export", "lessons"} <= asked <= {*known}
