"""The benchmarks' arithmetic and their machinery; nothing here is timed."""

import doctest
import importlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from benchmarks import goals, kernel_cases, results, stats
from benchmarks.__main__ import known, one_value_each
from benchmarks.engines import EngineError, Engines
from benchmarks.peers.pictures import pictures
from benchmarks.peers.protocol import Server, Task
from benchmarks.processes import python, timed
from benchmarks.sections import growth, training
from benchmarks.sections import kernels as kernels_section
from benchmarks.tables import Table
from benchmarks.turns import Contender, Watch, contest, take_turns
from minicnn import kernels

# ------------------------------------------------------------------ arithmetic


def test_ratio_is_against_the_faster_peer_of_the_same_round():
    rounds = [{"us": 2.0, "a": 5.0, "b": 4.0}, {"us": 1.0, "a": 3.0, "b": 9.0}]
    assert stats.ratios(rounds, "us", ["a", "b"]) == [2.0, 3.0]
    assert stats.ratios(rounds, "us", ["b"]) == [2.0, 9.0]


def test_geometric_mean_and_line():
    assert stats.geometric_mean([1.0, 4.0, 2.0]) == pytest.approx(2.0)
    slope, start, fit = stats.line_through([0, 1, 2, 3], [1, 2, 5, 4])
    assert (slope, start) == pytest.approx((1.2, 1.2))
    assert fit == pytest.approx(0.72)


@pytest.mark.parametrize("name", ["__main__", "stats", "tables", "turns"])
def test_docstring_examples(name: str):
    result = doctest.testmod(importlib.import_module(f"benchmarks.{name}"))
    assert result.failed == 0
    assert result.attempted > 0


# ------------------------------------------------------------------ turns


class FakeEngine:
    """Answers with seconds that are known beforehand, and notes its turns."""

    def __init__(self, name: str, ways: dict[str, float], log: list[str]):
        self.name, self._ways, self._log = name, ways, log
        self.forgotten = False

    def ways(self, kind: str) -> list[str]:
        return list(self._ways)

    def prepare(self, task: Task, way: str) -> int:
        return list(self._ways).index(way)

    def run(self, handle: int, steps: int) -> float:
        self._log.append(self.name)
        return list(self._ways.values())[handle]

    def cpu_seconds(self) -> float:
        return 0.0

    def forget(self) -> None:
        self.forgotten = True


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.turns.SETTLE", 0)


def test_engines_take_turns():
    log: list[str] = []
    contenders: list[Any] = [
        Contender(name, FakeEngine(name, {"": 1.0}, log), "", 0, 1)  # type: ignore[arg-type]
        for name in "abc"
    ]
    rounds = take_turns(contenders, 2, Watch())
    assert log == list("abcabc")
    assert rounds == [{"a": 1.0, "b": 1.0, "c": 1.0}] * 2


@pytest.mark.parametrize(("tryouts", "way"), [(2, "quick"), (0, "slow")])
def test_the_fastest_way_counts_if_ways_are_tried(tryouts: int, way: str):
    ways = {"slow": 2.0, "quick": 0.5, "slower": 3.0}
    engines: Any = [FakeEngine("us", {"only": 1.0}, []), FakeEngine("peer", ways, [])]
    record = contest(
        engines, Task("training"), turn=1.0, rounds=3, tryouts=tryouts, say=lambda _: None
    )
    assert record["way"] == {"us": "only", "peer": way}
    assert record["rounds"] == [{"us": 1.0, "peer": ways[way]}] * 3
    assert all(engine.forgotten for engine in engines)


# ------------------------------------------------------------------ engines


def test_server_prepares_runs_and_forgets():
    peer: Any = ModuleType("peer")
    peer.RUNS = {"training": {"way": lambda task: lambda steps: task.batch / steps}}
    server = Server(peer)
    assert server.ways("training") == {"ways": ["way"]}
    task = {"kind": "training", "model": "mlp", "batch": 6, "image": [28, 28, 1], "images": 60}
    assert server.prepare(task, "way") == {"handle": 0}
    assert server.run(0, 3) == {"seconds": 2.0}
    server.forget()
    assert server.prepare(task, "way") == {"handle": 0}


def test_a_missing_peer_is_named_and_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "torch.py").write_text("raise ImportError('No module named torch')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Engines() as engines:
        assert engines.present(("torch",)) == []
        assert engines.present(("torch",)) == []  # asked again, not started again
        assert engines.missing == {"torch": "torch is left out: No module named torch"}


def test_an_engine_that_breaks_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "torch.py").write_text("raise SystemError('broken installation')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Engines() as engines, pytest.raises(EngineError, match="broken installation"):
        engines.get("torch")


def test_a_process_is_timed_line_by_line():
    process = timed(python("-c", "print('one'); print('two')"))
    assert [line.text for line in process.lines] == ["one", "two"]
    assert 0 < process.lines[0].seconds <= process.lines[1].seconds <= process.seconds
    with pytest.raises(EngineError, match="no such thing"):
        timed(python("-c", "raise SystemExit('no such thing')"))


def test_pictures_are_the_digits_enlarged():
    small = pictures(Task("training", images=3))
    large = pictures(Task("training", image=(56, 56, 2), images=3))
    assert large.images.shape == (3, 56, 56, 2)
    for row, column, channel in [(0, 0, 0), (1, 0, 1), (0, 1, 0), (1, 1, 1)]:
        assert (large.images[:, row::2, column::2, channel] == small.images[..., 0]).all()


# ------------------------------------------------------------------ kernels


def test_every_kernel_has_a_case_and_every_case_runs(monkeypatch: pytest.MonkeyPatch):
    assert kernel_cases.without_case() == [], "benchmarks/kernel_cases.py: add a case"
    monkeypatch.setattr(kernel_cases, "BATCH", 2)
    with kernels.use("reference"):
        for case in kernel_cases.all_cases().values():
            case.prepare()()


def test_work_of_a_convolution_by_hand():
    case = kernel_cases.all_cases()["conv2d 13×13×32 → 11×11×64, 3×3"]
    assert case.flops == 2 * 128 * 11 * 11 * 64 * 3 * 3 * 32
    floats = 128 * 13 * 13 * 32 + 3 * 3 * 32 * 64 + 128 * 11 * 11 * 64
    assert case.bytes == 4 * floats


def test_roofline_is_the_longer_of_arithmetic_and_traffic():
    rounds = [{"fast": 1.0, "reference": 9.0, "sgemm": 2.0, "triad": 4.0}]
    data = {"work": {"sgemm": 20.0, "triad": 8.0}}  # 10 operations and 2 bytes a second
    record = {"flops": 50, "bytes": 6, "rounds": rounds}
    assert kernels_section.attainable(data, record) == 5.0
    assert kernels_section.attainable(data, record | {"bytes": 14}) == 7.0


# ------------------------------------------------------------------ results


@dataclass
class Machine:
    """Figures of a run that are easy to calculate with."""

    data: dict[str, Any] = field(
        default_factory=lambda: {
            "batch": 128,
            "peers": ["keras", "torch"],
            "sgemm_flops": 1e9,
            "models": {
                name: {
                    "way": {"minicnn": "loop", "keras": "fit", "torch": "eager"},
                    "rounds": [
                        {"minicnn": 0.01, "keras": 0.01 * ratio, "torch": 0.05, "sgemm": 0.01}
                    ]
                    * 2,
                    "processor": {"waiting": {"keras": 0.001}, "others": 0.25},
                    "flops_per_image": 4_000_000,
                }
                for name, ratio in {"mlp": 2.0, "cnn_classic": 4.5}.items()
            },
        }
    )

    def content(self) -> dict[str, Any]:
        machine = {"command": "python -m benchmarks", "date": "today", "cpu": "a processor"}
        machine |= {"cores": 2, "python": "3", "source": "0123"}
        engines = {"keras": {"versions": {"keras": "3.15"}, "threads": {}}}
        missing = {"torch": "torch is left out"}
        return {"machine": machine, "engines": engines, "missing": missing, "data": self.data}


def test_training_table():
    table = training.tables_of(Machine().data)[0]
    assert table.rows == [
        ["mlp", "12,800", "6,400", "2,560", "2.00× (2.00–2.00)", "51", "51 %"],
        ["cnn_classic", "12,800", "2,844", "2,560", "4.50× (4.50–4.50)", "51", "51 %"],
        ["geometric mean", "", "", "", "3.00× (3.00–3.00)", "", ""],
    ]


def test_training_table_without_peers():
    data = Machine().data | {"peers": []}
    assert training.tables_of(data)[0].rows[0] == ["mlp", "12,800", "–", "51", "51 %"]


def test_goals_over_two_runs():
    slower = Machine().data
    slower["models"]["mlp"]["rounds"] = [
        {"minicnn": 0.02, "keras": 0.02, "torch": 0.05, "sgemm": 0.01}
    ]
    slower["models"]["cnn_classic"]["rounds"] = slower["models"]["mlp"]["rounds"]
    runs = [{"training": {"data": Machine().data}}, {"training": {"data": slower}}]
    rows = {row[0]: row[1:] for row in goals.table(runs).rows}
    assert rows["training, geometric mean × the faster peer"] == [
        "≥ 2.00×",
        "2.00× (1.00× – 3.00×)",
        "yes",
    ]
    assert rows["cnn_classic's share of sgemm"] == ["≥ 60 %", "38 % (26 % – 51 %)", "no"]


def test_a_section_is_written_as_json_markdown_and_picture(tmp_path: Path):
    results.save(tmp_path, "training", Machine().content())
    assert json.loads((tmp_path / "training.json").read_text())["data"] == Machine().data
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")
    text = (tmp_path / "results.md").read_text()
    assert "| mlp | 12,800 | 6,400 | 2,560 | 2.00× (2.00–2.00) | 51 | 51 % |" in text
    assert "keras 3.15" in text
    assert "torch is left out" in text


def test_markdown_of_a_table():
    table = Table("Speed", ["model", "a|b"], [["mlp", "1"]], ["Measured once."])
    assert table.markdown() == (
        "### Speed\n\n| model | a\\|b |\n| --- | ---: |\n| mlp | 1 |\n\nMeasured once.\n"
    )


def test_memory_line_of_growth():
    sizes = {"imported": 10, "loaded": 100, "peak_loading": 0}
    memory = [
        {"engine": "minicnn", "batch": batch, **sizes, "peak_training": 100 + 50 + 3 * batch}
        for batch in (32, 128, 1024)
    ]
    assert growth.memory_line({"memory": memory}) == pytest.approx((3.0, 50.0, 1.0))


# ------------------------------------------------------------------ command line


def test_options_with_several_values():
    given = ["--models", "mlp", "cnn_light", "--quick", "--only", "training", "--out", "x", "y"]
    each = ["--models", "mlp", "--models", "cnn_light", "--quick", "--only", "training"]
    assert one_value_each(given) == [*each, "--out", "x", "y"]


def test_an_unknown_name_is_refused_with_the_nearest():
    assert known("model", ["mlp", "mlp"], ["mlp"]) == ("mlp",)
    with pytest.raises(typer.BadParameter, match="did you mean 'keras'"):
        known("peer", ["kears"], ["keras", "torch"])
