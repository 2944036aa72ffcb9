"""A folder to a run: held by one process, resumed by its content, damaged, killed at any time."""

import contextlib
import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minicnn.data import idx
from minicnn.errors import DataError, FileError, MinicnnError, WriteError
from minicnn.experiments import runs
from minicnn.experiments.compare import compare
from minicnn.experiments.opening import open_trained
from minicnn.experiments.run import Run
from minicnn.experiments.settings import Settings
from minicnn.files import contents, held, new_folder, numbered_folder, sweep

from ..patterns import write_data

PARTIAL = ".minicnn-999999999-" + "0" * 32


def settings(data: Path | str, **changes) -> Settings:
    return Settings.of("mlp", **{"epochs": 1, "batch_size": 60, "data": str(data), **changes})


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "patterns")


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory) -> Run:
    return runs.train(settings(data), tmp_path_factory.mktemp("runs") / "mlp", progress=False)


@pytest.fixture
def copied(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished.folder, tmp_path / "copy"))


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen]]:
    """Start minicnn in processes of their own, which do not outlive the test."""
    started: list[subprocess.Popen] = []

    def run(*arguments: object) -> subprocess.Popen:
        command = [sys.executable, "-m", "minicnn", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, **pipes))
        return started[-1]

    yield run
    for process in started:
        with process:
            process.kill()


# --- data is known by its content


def test_a_run_goes_on_with_its_data_in_another_place(copied, data, tmp_path):
    moved = shutil.copytree(data, tmp_path / "moved")
    longer = Run.opened(copied).changed(epochs=2, data=str(moved))
    run = runs.train(longer, copied, resume=True, progress=False)
    assert run.metrics()["epochs"] == 2
    assert Run.opened(copied).settings.data == str(moved)


def test_other_data_in_the_same_place_is_not_taken_for_the_runs(copied, tmp_path):
    place = write_data(tmp_path / "data")
    run = Run.opened(copied)
    run.settings = dataclasses.replace(run.settings, data=str(place))
    run.write_config()
    assert open_trained(copied).data()[0].checksum() == idx(place)[0].checksum()
    shutil.rmtree(place)
    write_data(place, seed=1)
    for use in (
        lambda: runs.train(run.settings, copied, resume=True, progress=False),
        lambda: open_trained(copied).data(),
    ):
        with pytest.raises(DataError, match=r"is not the data of the run .*checksum.*--data"):
            use()
    assert len(open_trained(copied).data(place)[1]) == 60, "but it may be asked for"


def test_a_run_of_earlier_days_has_but_the_path(copied, data, tmp_path):
    config = json.loads((copied / "config.json").read_text())
    del config["data_checksum"]
    (copied / "config.json").write_text(json.dumps(config))
    moved = shutil.copytree(data, tmp_path / "moved")
    with pytest.raises(FileError, match=r"data .*now"):
        Run.opened(copied).changed(data=str(moved))
    runs.train(Run.opened(copied).changed(epochs=2), copied, resume=True, progress=False)
    assert Run.opened(copied).checksum


def test_config_is_read_once(copied, data, monkeypatch):
    from minicnn.experiments import run as module
    from minicnn.experiments.report.run_numbers import report_run

    read = []
    monkeypatch.setattr(module, "read_json", lambda path: read.append(path.name) or REAL(path))
    report_run(copied, progress=False)
    assert sorted(read) == ["config.json", "history.json", "metrics.json"]
    del read[:]
    trained = open_trained(copied)
    assert (trained.tta, len(trained.data()[1])) == (1, 60)
    assert read == ["config.json"]


REAL = runs.Run.opened.__globals__["read_json"]


# --- one folder, one process


def test_a_folder_is_held_by_one(tmp_path):
    with held(tmp_path / "a" / "b"):
        with pytest.raises(WriteError, match="another process is at work"), held(tmp_path / "a/b"):
            pass
        (tmp_path / "a" / "b" / "file").touch()
    with held(tmp_path / "a" / "b"):
        pass
    assert os.listdir(tmp_path / "a" / "b") == ["file"], "what has something in it stays"
    with held(tmp_path / "c" / "d"):
        assert (tmp_path / "c" / "d").is_dir()
    assert os.listdir(tmp_path) == ["a"], "what was made and is empty goes"


def test_many_at_once_get_folders_of_their_own(tmp_path):
    """And a name that is taken, if only by a link to nowhere, is passed over."""
    (tmp_path / "run-2").symlink_to(tmp_path / "nowhere")
    got: list[Path] = []
    all_there = threading.Barrier(8)

    def take() -> None:
        with numbered_folder(tmp_path / "run") as folder:
            got.append(folder)
            all_there.wait(20)
            (folder / "file").touch()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(folder.name for folder in got) == [f"run-{n}" for n in (1, 3, 4, 5, 6, 7, 8, 9)]
    with numbered_folder(tmp_path / "other") as folder:
        assert folder.is_dir()
    assert not folder.exists()


@pytest.mark.parametrize("way", ["train", "resume", "compare"])
def test_a_folder_where_another_is_at_work_is_refused_and_left_alone(copied, data, way):
    before = {path.name: path.read_bytes() for path in copied.iterdir()}
    use = {
        "train": lambda: runs.train(settings(data), copied, progress=False),
        "resume": lambda: runs.train(settings(data), copied, resume=True, progress=False),
        "compare": lambda: compare(["mlp"], out=copied, data=data, epochs=1, progress=False),
    }
    with held(copied), pytest.raises((WriteError, FileError)) as error:
        use[way]()
    assert str(copied) in str(error.value)
    assert {path.name: path.read_bytes() for path in copied.iterdir()} == before


@pytest.mark.slow
def test_three_trainings_at_once_without_a_folder_make_three_runs(
    start, data, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    line = ["train", "mlp", "--epochs", 1, "--data", data]
    processes = [start(*line) for _ in range(3)]
    assert [process.wait(200) for process in processes] == [0, 0, 0]
    assert sorted(os.listdir("runs")) == ["mlp-1", "mlp-2", "mlp-3"]
    assert all((Path("runs") / name / "metrics.json").exists() for name in os.listdir("runs"))


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "compare"])
def test_of_two_in_one_new_folder_one_is_refused(start, data, tmp_path, command):
    line = [command, "mlp", "--epochs", 40, "--data", data, "--out", tmp_path / "new"]
    results = [(p.wait(250), p.stderr.read()) for p in [start(*line), start(*line)]]
    assert sorted(code for code, _ in results) == [0, 2]
    (said,) = [err for code, err in results if code == 2]
    assert said.startswith("minicnn: ")
    assert len(said.splitlines()) == 1


# --- killed, and what is left


def test_the_temporary_files_of_killed_processes_are_swept_and_others_stay(tmp_path):
    mine = f".minicnn-{os.getpid()}-{'1' * 32}.npz"
    for name in (f"{PARTIAL}.npz", "." + "a" * 32 + ".json", mine, ".hidden", "file"):
        (tmp_path / name).touch()
    (tmp_path / PARTIAL).mkdir()
    (tmp_path / PARTIAL / "figure.png").touch()
    assert sorted(contents(tmp_path)) == [".hidden", "file"]
    sweep(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted([mine, ".hidden", "file"])


LEFT = {
    "nothing": [],
    "half a file": [f"{PARTIAL}.json"],
    "half a file of earlier days": ["." + "a" * 32 + ".npz"],
    "a checkpoint": ["last.npz"],
    "the settings": ["config.json"],
    "the settings and half a checkpoint": ["config.json", f"{PARTIAL}.npz"],
}


@pytest.mark.parametrize("case", LEFT)
@pytest.mark.parametrize("link", [False, True])
def test_what_a_killed_run_left_is_taken_by_the_same_command(copied, data, tmp_path, case, link):
    folder = tmp_path / "left"
    folder.mkdir()
    for name in LEFT[case]:
        (folder / name).write_bytes((copied / "config.json").read_bytes())
    if link:
        (tmp_path / "link").symlink_to(folder)
    out = tmp_path / "link" if link else folder
    run = runs.train(settings(data), out, progress=False)
    assert run.metrics()["interrupted"] is False
    assert not [name for name in os.listdir(folder) if name.startswith(".")]


def test_resume_begins_a_run_that_was_killed_before_its_first_checkpoint(copied, data, tmp_path):
    folder = tmp_path / "left"
    folder.mkdir()
    shutil.copy(copied / "config.json", folder)
    assert runs.train(settings(data), folder, resume=True, progress=False).metrics()["epochs"] == 1


@pytest.mark.parametrize("text", ['{"architectures": ["BertModel"]}', "{", '{"lr": 5, "x": 1}'])
def test_somebody_elses_config_is_not_overwritten(data, tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(FileError, match="exists already"):
        runs.train(settings(data), tmp_path, progress=False)
    assert (tmp_path / "config.json").read_text() == text


@pytest.mark.slow
def test_killed_at_any_moment_the_same_command_or_resume_goes_on(start, data, tmp_path, command):
    """The moments are drawn; most of them are in the first write and just around it."""
    rng = random.Random(0)
    for number in range(12):
        out = tmp_path / f"run {number}"
        line = ["train", "mlp", "--epochs", 3, "--batch-size", 20, "--data", data, "--out", out]
        process = start(*line)
        until = time.monotonic() + 100
        while not out.exists() and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(rng.choice([0, 0.01, 0.05, 0.2, 0.5, 1]) * rng.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = command(*line)
        if done.code == 2:
            done = command("train", "--out", out, "--resume")
        assert done.code == 0, done.err
        assert not [name for name in os.listdir(out) if name.startswith(".")]


def test_a_folder_for_a_report_sweeps_what_killed_ones_left(tmp_path):
    (tmp_path / PARTIAL).mkdir()
    with new_folder(tmp_path / "report") as partial:
        (partial / "page.html").touch()
    assert os.listdir(tmp_path) == ["report"]


# --- damaged JSON


def places(value: object, path: tuple = ()) -> Iterator[tuple]:
    """Every place in plain data."""
    yield path
    pairs = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in pairs:
        yield from places(inner, (*path, key))


WRONG = [None, True, "x", "", -1, 1.5, 0, 10**30, 10**400, [], [1], {}, {"x": 1}, [[[]]], "a\0b"]
GONE, TEXTS = (
    object(),
    ["NaN", "Infinity", "1e999", "9" * 5000, '{"a": 1, "a": 2}', "", "]", "\ufeff1"],
)


def mutated(text: str, rng: random.Random) -> str:
    """The JSON with one thing changed: a value, a key, or the text itself."""
    value = json.loads(text)
    if rng.random() < 0.15:
        at = rng.randrange(len(text))
        return text[:at] + rng.choice(["", "[", '"', "}", "\x00", "é"]) + text[at + 1 :]
    place = rng.choice(list(places(value)))
    new = rng.choice([*WRONG, *([GONE] * 4), *([...] * 4)])
    if not place:
        return json.dumps(None if new in (GONE, ...) else new)
    inner = value
    for key in place[:-1]:
        inner = inner[key]
    if new is GONE:
        del inner[place[-1]]
        return json.dumps(value)
    if new is ...:
        inner[place[-1]] = "@@"
        return json.dumps(value).replace('"@@"', rng.choice(TEXTS), 1)
    inner[place[-1]] = new
    return json.dumps(value)


def use_run(folder: Path) -> None:
    """All that reads a run's JSON."""
    run = Run.opened(folder)
    metrics = run.metrics("interrupted", "training_seconds", "epochs", "best_epoch")
    history = run.history()
    assert all(
        isinstance(each, float | int) for each in [*history.get("loss", ()), metrics["epochs"]]
    )
    json.dumps(metrics)
    settings = run.settings
    settings.build_optimizer()
    settings.keeper()
    settings.generator()
    if settings.data == str(DATA[0]):
        run.load()


DATA: list[Path] = []


@pytest.mark.parametrize("name", ["config.json", "metrics.json", "history.json"])
def test_damaged_json_of_a_run_is_an_error_in_a_sentence(copied, data, name):
    DATA[:] = [data]
    rng, text = random.Random(name), (copied / name).read_text()
    for _ in range(150):
        damaged = mutated(text, rng)
        (copied / name).write_text(damaged)
        said = ""
        try:
            use_run(copied)
        except MinicnnError as error:
            said = str(error)
        except Exception as error:
            raise AssertionError(f"{name}: {damaged[:2000]}") from error
        assert "\n" not in said, damaged[:300]


def test_damaged_json_of_a_comparison_is_an_error_in_a_sentence(finished, data, tmp_path):
    """A run that is finished is only measured, so the comparison takes no time."""
    out = tmp_path / "table"
    found = compare([finished.folder], out=out, progress=False)
    path = out / "comparison.json"
    rng, text = random.Random(1), path.read_text()
    for _ in range(60):
        damaged = mutated(text, rng)
        path.write_text(damaged)
        with contextlib.suppress(MinicnnError):
            again = compare([finished.folder], out=out, progress=False)
            assert again.rows[0].minicnn.test_accuracy == found.rows[0].minicnn.test_accuracy or (
                "test_accuracy" in damaged
            )
