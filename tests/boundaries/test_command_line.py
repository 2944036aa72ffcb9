"""A line that is typed to a command: wrong in any way, it is answered by one sentence and code 2.

The lines are drawn: a command that would be in order, and one mistake in it.
"""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from minicnn.data import write_idx
from minicnn.experiments import runs
from minicnn.experiments.settings import Settings

from ..patterns import write_data

QUICK, ALL = 40, 600
Line = list[str]

RIGHT: dict[str, Line] = {
    "train": ["mlp", "--epochs", "1", "--data", "data", "--out", "new"],
    "evaluate": ["run"],
    "summary": ["run"],
    "doctor": ["run"],
    "report": ["run", "--out", "new"],
    "export": ["run", "--to", "onnx", "--out", "new.onnx"],
    "ensemble": ["run", "run/model.npz", "--out", "new.npz"],
    "compare": ["mlp", "--epochs", "1", "--data", "data", "--out", "new"],
    "tune": ["mlp", "--trials", "1", "--epochs", "1", "--data", "data", "--out", "new"],
    "explore": ["--data", "data", "--out", "new"],
    "predict": ["run", "picture.png"],
    "read": ["run", "picture.png"],
    "profile": ["mlp"],
    "models": [],
    "serve": ["run", "--port", "0"],
}
DATA = ("train", "evaluate", "doctor", "report", "export", "compare", "tune", "explore")
OUT = ("train", "report", "compare", "tune", "explore", "export", "ensemble")
RUN = ("evaluate", "report", "export", "predict", "read", "serve", "summary", "ensemble")

NO_NUMBER = ["two", "", " ", "1,5", "0x10", "--", "1e", "²", "½", "1 2", "None", "[1]", "1\n2"]
WHOLE = ["1.5", "1e3", "inf", "nan"]
NUMBERS = {  # option: (commands, values that it cannot have)
    "--epochs": (("train", "compare", "tune"), [*WHOLE, "0", "-1", "-" + "9" * 40]),
    "--batch-size": (("train", "profile"), [*WHOLE, "0", "-1"]),
    "--seed": (("train", "compare", "tune"), [*WHOLE, "-1", "9" * 5000]),
    "--tta": (("train", "evaluate"), [*WHOLE, "0", "10", "-1", "9" * 30]),
    "--patience": (("train",), [*WHOLE, "0", "-1"]),
    "--through": (("train",), [*WHOLE, "0", "-1", "3"]),
    "--lr": (("train",), ["0", "-1", "nan", "inf", "-inf", "1e999"]),
    "--momentum": (("train",), ["1", "-0.1", "nan", "0.9"]),
    "--beta1": (("train",), ["1", "-0.1", "nan", "inf"]),
    "--weight-decay": (("train",), ["-1", "nan", "inf"]),
    "--clip-norm": (("train",), ["0", "-1", "nan", "inf"]),
    "--label-smoothing": (("train",), ["1", "-0.1", "nan", "1e30"]),
    "--dropout": (("train",), ["1", "-0.1", "nan", "0.5"]),
    "--ema": (("train",), ["1", "-0.1", "nan"]),
    "--validation": (("train", "tune"), ["1", "-0.1", "nan", "1.5", "0.0001"]),
    "--trials": (("tune",), [*WHOLE, "0", "-1"]),
    "--timeout": (("tune",), ["0", "-1", "nan"]),
    "--rounds": (("profile",), [*WHOLE, "0", "-1"]),
    "--expect": (("read",), [*WHOLE, "0", "-1"]),
    "--port": (("serve",), [*WHOLE, "-1", "65536", "9" * 30]),
    "--workers": (("serve",), [*WHOLE, "0", "-1", "257", "9" * 30]),
}
HUGE = [  # numbers that memory has no room for
    ["profile", "mlp", "--batch-size", "1000000000"],
    ["profile", "best", "--batch-size", "100000000"],
    ["profile", "--batch-size", "9" * 30],
    ["profile", "mlp", "--kernels", "reference", "--batch-size", str(2**62)],
]
NAMES = {
    "--optimizer": ("train", ["adma", "ADAM", "", "sgd "]),
    "--schedule": ("train", ["cosin", "none", "constant,step"]),
    "--kernels": ("train profile", ["fats", "", "gpu"]),
    "--keep": ("train", ["first", ""]),
    "--to": ("export", ["pdf", "", "ONNX2", "keras,onnx"]),
    "--recipe": ("explore", ["bets", ""]),
    "--only": ("tune", ["lrr", "lr,batchsize", "epochs"]),
    "--fix": ("tune", ["lr", "lr=fast", "lr=-1", "lr=nan", "=1", "lrr=1", "batch_size=1.5"]),
    "--storage": ("tune", ["nowhere", "sqlite", "://", "oracle9://x"]),
    "--log": ("serve", ["xml", ""]),
    "--classes": ("train explore", ["a", "a,a,b,c", "nowhere.txt", "a,b", ",,,", "data"]),
    "--prefix": (" ".join(DATA), ["other", "", "emnist"]),
    "--host": ("serve", ["no such host", "256.1.1.1"]),
    "--name": ("serve", ["a b", "", "http://x"]),
}
CONFIGS = {
    "empty.json": "",
    "list.json": "[1]",
    "cut.json": '{"lr": 0.1',
    "nan.json": '{"lr": NaN}',
    "infinite.json": '{"lr": 1e999}',
    "twice.json": '{"lr": 0.1, "lr": 0.01}',
    "word.json": '{"epochs": "two"}',
    "truth.json": '{"lr": true}',
    "fraction.json": '{"epochs": 1.5}',
    "huge.json": '{"epochs": %s}' % ("9" * 5000),
    "large.json": '{"lr": %s}' % ("9" * 400),
    "unknown.json": '{"learning_rate": 0.1}',
    "nested.json": '{"augmentation": {"rotation": {"rotation": 1}}}',
    "strength.json": '{"augmentation": {"zoom": 2}}',
    "zero.json": '{"data": "a\\u0000b"}',
    "deep.json": "[" * 100_000,
    "null.json": "null",
    "model.json": '{"model": ["mlp"]}',
}
PATHS = ["", "nowhere", "file", "file/below", "empty", "a\nb", "größe ✓", "x" * 300, "\udcff", "~"]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with all that a line may speak of, right and wrong."""
    place = tmp_path_factory.mktemp("command line")
    write_data(place / "data")
    settings = Settings.of("mlp", epochs=1, batch_size=60, data=str(place / "data"))
    runs.train(settings, place / "run", progress=False)
    (place / "empty").mkdir()
    (place / "file").write_text("mine")
    (place / "picture.png").write_bytes((place / "run" / "mistakes.png").read_bytes())
    (place / "damaged.npz").write_bytes((place / "run" / "model.npz").read_bytes()[:1000])
    (place / "damaged.png").write_bytes(b"\x89PNG nothing")
    for name in ("damaged.keras", "damaged.h5"):
        (place / name).write_bytes(b"nothing")
    for name, text in CONFIGS.items():
        (place / name).write_text(text)
    for name, images in {
        "small": np.zeros((6, 2, 2), np.uint8),
        "bytes": np.full((6, 8, 8), 200, np.float32),
        "signed": np.full((6, 8, 8), -1, np.float32),
        "doubles": np.zeros((6, 8, 8), np.float64),
        "one class": np.zeros((6, 8, 8), np.uint8),
    }.items():
        (place / name).mkdir()
        labels = np.zeros(6, np.uint8) if name == "one class" else np.arange(6, dtype=np.uint8) % 2
        for part in ("train", "t10k"):
            write_idx(place / name / f"{part}-images-idx3-ubyte", images)
            write_idx(place / name / f"{part}-labels-idx1-ubyte", labels)
    (place / "half").mkdir()
    write_idx(place / "half" / "train-images-idx3-ubyte", np.zeros((6, 8, 8), np.uint8))
    return place


def without(line: Line, option: str) -> Line:
    """The line without an option and its value."""
    if option not in line:
        return line
    at = line.index(option)
    return line[:at] + line[at + 2 :]


def number(rng: random.Random) -> tuple[str, Line]:
    option = rng.choice([*NUMBERS])
    commands, values = NUMBERS[option]
    value = rng.choice([*NO_NUMBER, *values])
    command = rng.choice(commands)
    return command, [*without(RIGHT[command], option), f"{option}={value}"]


def huge(rng: random.Random) -> tuple[str, Line]:
    command, *rest = rng.choice(HUGE)
    return command, rest


def name(rng: random.Random) -> tuple[str, Line]:
    option = rng.choice([*NAMES])
    commands, values = NAMES[option]
    command = rng.choice(commands.split())
    line = without(RIGHT[command], option)
    return command, [*line, f"{option}={rng.choice(values)}"]


def option(rng: random.Random) -> tuple[str, Line]:
    """One that is not there, has no value, or stands where it cannot."""
    command = rng.choice([*RIGHT])
    wrong = [["--colour"], ["--epoch", "1"], ["-x"], ["---"], ["--out"], ["--json=maybe"], ["--=1"]]
    return command, [*RIGHT[command], *rng.choice(wrong)]


def extra(rng: random.Random) -> tuple[str, Line]:
    command = rng.choice(["train", "evaluate", "summary", "doctor", "report", "profile", "models"])
    return command, [*RIGHT[command], rng.choice(["mlp", "run", "", "a\nb"]), "more"]


def missing(rng: random.Random) -> tuple[str, Line]:
    lines = [("summary", []), ("export", ["run"]), ("ensemble", ["run"]), ("compare", ["mlp"])]
    lines += [("explore", []), ("tune", []), ("predict", ["run"]), ("read", ["run"])]
    return rng.choice(lines)


def command(rng: random.Random) -> tuple[str, Line]:
    return rng.choice(["trian", "TRAIN", "", "train ", "help", "-h", "é", "a\nb", "--"]), []


def data(rng: random.Random) -> tuple[str, Line]:
    chosen = rng.choice(DATA)
    bad = ["half", "bytes", "signed", "doubles", *(each for each in PATHS if each)]
    bad += ["one class", "one class"] if chosen in ("train", "compare", "tune") else []
    line = without(RIGHT[chosen], "--data")
    return chosen, [*line, f"--data={rng.choice(bad)}"]


def config(rng: random.Random) -> tuple[str, Line]:
    return "train", ["--out", "new", f"--config={rng.choice([*CONFIGS, *PATHS, 'run'])}"]


def out(rng: random.Random) -> tuple[str, Line]:
    chosen = rng.choice(OUT)
    line = without(RIGHT[chosen], "--out")
    return chosen, [*line, f"--out={rng.choice(['run', 'file', 'file/below', 'x' * 300])}"]


def run(rng: random.Random) -> tuple[str, Line]:
    chosen = rng.choice(RUN)
    bad = ["nowhere", "nowhere.npz", "empty", "data", "damaged.npz", "damaged.keras", "damaged.h5"]
    if chosen in ("predict", "read"):  # to which a folder is one of pictures
        bad = [each for each in bad if each not in ("empty", "data")]
    return chosen, [rng.choice(bad), *RIGHT[chosen][1:]]


def picture(rng: random.Random) -> tuple[str, Line]:
    bad = ["nowhere.png", "damaged.png", "file", "empty", "run/config.json", "a\nb.png"]
    more = [["--fields", each] for each in ("list.json", "nan.json", "nowhere", "empty", "lr.json")]
    more += [["--csv", "file"], ["--csv", "nowhere/table.csv"], ["--csv", "empty"]]
    if rng.random() < 0.5:
        return "read", [*RIGHT["read"], *rng.choice(more)]
    return rng.choice(["predict", "read"]), ["run", rng.choice(bad)]


def conflict(rng: random.Random) -> tuple[str, Line]:
    lines = [
        ["--resume"],
        ["--resume", "--out", "empty"],
        ["--resume", "--out", "nowhere"],
        ["--resume", "--out", "run", "--lr", "0.5"],
        ["--resume", "--out", "run", "--optimizer", "sgd"],
        ["--resume", "--out", "run", "--data", "empty"],
        ["--port", "1", "--out", "new"],
        ["mlp", "--dropout", "0.5", "--out", "new"],
        ["mlp", "--through", "3", "--out", "new"],
        ["mlp", "--with", "nowhere", "--out", "new"],
        ["mlp", "--with", "data", "--out", "new"],
        ["mlp", "--patience", "2", "--validation", "0", "--out", "new"],
        ["mlp", "--prefix", "x", "--out", "new"],
        ["cnn_deeper", "--data", "small", "--out", "new"],
        ["--config", "run/config.json", "--momentum", "0.5", "--out", "new"],
    ]
    return "train", rng.choice(lines)


MISTAKES: list[Callable[[random.Random], tuple[str, Line]]] = [
    *(number, number, number, name, name, option, extra, missing, command),
    *(data, data, config, config, out, run, run, picture, conflict, huge),
]


def lines(count: int) -> Iterator[Line]:
    """Lines that are wrong, each kind of mistake as often."""
    rng = random.Random(0)
    for i in range(count):
        chosen, rest = MISTAKES[i % len(MISTAKES)](rng)
        yield [chosen, *rest]


def answered_wrong(call: Callable, line: Line) -> str | None:
    """What is wrong with the answer to a wrong line."""
    before = sorted(Path().rglob("*"))
    result = call(*line)
    told = result.err.splitlines()
    if result.code != 2 or result.out.strip():
        return f"code {result.code}: {result.out[-200:]}{result.err[-300:]}"
    if len(told) != 1 or not told[0].startswith("minicnn: ") or "Traceback" in told[0]:
        return f"said: {result.err[-600:]}"
    left = {*map(str, Path().rglob("*"))} - {*map(str, before)}
    return f"left: {sorted(left)}" if left else None


@pytest.mark.parametrize(
    ("first", "last"),
    [(0, QUICK), pytest.param(QUICK, ALL, marks=pytest.mark.slow)],
)
def test_a_wrong_line_is_answered_by_one_sentence(command, place, monkeypatch, first, last):
    monkeypatch.chdir(place)
    drawn = list(lines(last))[first:]
    wrong = {json.dumps(line): found for line in drawn if (found := answered_wrong(command, line))}
    assert not wrong, "\n".join(f"{line[:300]}\n    {found}" for line, found in wrong.items())


def test_each_kind_of_mistake_is_in_the_quick_part_and_each_command_has_one():
    assert len(MISTAKES) <= QUICK
    drawn = {line[0] for line in lines(ALL)}
    assert {*RIGHT} <= drawn
