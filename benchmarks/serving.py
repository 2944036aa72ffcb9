"""The service under load: `python -m benchmarks.serving`, see `--help`.

`POST /predict` on this machine, from 1, 16 and 64 clients in a process of their own, each answer
checked; against the same model by Keras's `model.predict` behind the same server, in turns. Then
the memory of our service, workers and all, over many requests.

serving.json   every request's time, with machine, versions, date and command
serving.md     the tables
"""

import base64
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from PIL import Image
from rich.console import Console

import minicnn as mc
from benchmarks import machine, tables
from benchmarks.engines import ENVIRONMENT, EngineError
from benchmarks.processes import SCRIPTS
from benchmarks.settings import OURS
from benchmarks.tables import Table
from minicnn import zoo
from minicnn.experiments.opening import open_model
from minicnn.files import atomic
from minicnn.plain_data import write_json
from minicnn.training.checkpoint import save_model

Data = dict[str, Any]
Say = Callable[[str], None]

CLIENTS = (1, 16, 64)
KERAS = "keras"
MEMORY_CLIENTS = 16
PICTURES = 40
COMMANDS = {
    OURS: ["-m", "minicnn", "serve", "--port", "0", "--log", "json"],
    KERAS: ["-m", "benchmarks.peers.keras_service"],
}


@dataclass
class Service:
    """One that is up: where it answers, and the process behind it."""

    url: str
    pid: int

    def memory(self) -> int:
        """Bytes that the process and its children have in memory."""
        return sum(_resident(pid) for pid in (self.pid, *_children(self.pid)))


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.partition("VmRSS:")[2].split()[0])


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


@contextlib.contextmanager
def started(name: str, model: Path) -> Iterator[Service]:
    """The service of an engine, for as long as the block lasts."""
    with tempfile.TemporaryFile("w+") as log:  # a pipe that nobody reads would fill up
        process = subprocess.Popen(
            [sys.executable, *COMMANDS[name], str(model)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=machine.ROOT,
            env=os.environ | ENVIRONMENT,
        )
        assert process.stdout is not None
        try:
            words = process.stdout.readline().split()
            urls = [word for word in words if word.startswith("http://")]
            if not urls:
                log.seek(0)
                raise EngineError(f"{name} does not start: {log.read()[-2000:]}")
            yield Service(f"{urls[0]}predict", process.pid)
        finally:
            process.terminate()
            process.communicate()


def ask(
    service: Service,
    clients: int,
    pictures: list[Any],
    seconds: float | None = None,
    requests: int | None = None,
) -> Data:
    """Let so many clients ask for so long, or so often; what `scripts/load.py` says of it.

    Raises `EngineError` if one answer was wrong.
    """
    task = {"url": service.url, "clients": clients, "seconds": seconds, "requests": requests}
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "load.py")],
        input=json.dumps({**task, "pictures": pictures}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise EngineError(f"the clients failed: {done.stderr[-2000:]}")
    found: Data = json.loads(done.stdout)
    if found["wrong"]:
        raise EngineError(f"wrong answers: {found['wrong']}")
    return found


def asked_pictures(model: Path) -> list[Any]:
    """[PNG in base64, label, probability] of digits of the test set; the answers are our own."""
    net, found = open_model(model), []
    for image in mc.data.mnist()[1].images[:PICTURES, ..., 0]:
        answer, file = mc.predict(net, image), io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        found.append([base64.b64encode(file.getvalue()).decode(), answer.label, answer.probability])
    return found


def a_model(folder: Path) -> Path:
    """cnn_classic after one pass over 10,000 digits: it need not be good, only the same for all."""
    model = zoo.build("cnn_classic", rng=0)
    mc.fit(model, mc.data.mnist()[0][:10_000], epochs=1, validation=None, progress=False)
    save_model(folder / "cnn_classic.npz", model)
    return folder / "cnn_classic.npz"


def measure_load(names: list[str], model: Path, seconds: float, rounds: int, say: Say) -> Data:
    """The figures of each engine for each number of clients, round by round, in turns."""
    pictures, found = asked_pictures(model), {}
    with contextlib.ExitStack() as stack:
        services = {name: stack.enter_context(started(name, model)) for name in names}
        for service in services.values():
            ask(service, 4, pictures, seconds=1)  # warm
        for clients in CLIENTS:
            found[str(clients)] = []
            for _ in range(rounds):
                one: Data = {}
                for name, service in services.items():
                    say(f"{name}, {clients} clients")
                    one[name] = ask(service, clients, pictures, seconds=seconds)
                found[str(clients)].append(one)
    return found


def measure_memory(model: Path, first: int, total: int, say: Say) -> Data:
    """Bytes of our service after so many requests."""
    pictures, sizes = asked_pictures(model), {}
    with started(OURS, model) as service:
        sizes["0"] = service.memory()
        for requests, more in ((first, first), (total, total - first)):
            say(f"memory, {requests:,} requests")
            ask(service, MEMORY_CLIENTS, pictures, requests=more)
            sizes[str(requests)] = service.memory()
    return sizes


def percentile(values: list[float], share: float) -> float:
    """The value that this share of all does not exceed.

    >>> percentile([3.0, 1.0, 2.0, 4.0], 0.5), percentile([1.0, 2.0], 0.99)
    (2.0, 2.0)
    """
    return sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]


def tables_of(data: Data) -> list[Table]:
    """Requests and latencies by engine and clients; the memory of our service."""
    load = Table(
        "POST /predict on loopback, every answer right",
        ["clients", "engine", "requests/s", "p50 ms", "p99 ms", "requests", "× keras"],
    )
    for clients, taken in data["load"].items():
        for name in taken[0]:
            times = [ms for one in taken for ms in one[name]["milliseconds"]]
            rates = [_rate(one[name]) for one in taken]
            ratio = ""
            if name == OURS and KERAS in taken[0]:
                ratio = tables.times(median(_rate(one[OURS]) / _rate(one[KERAS]) for one in taken))
            p50, p99 = (f"{percentile(times, share):.1f}" for share in (0.5, 0.99))
            cells = [f"{median(rates):.0f}", p50, p99, tables.whole(len(times)), ratio]
            load.rows.append([clients, name, *cells])
    load.notes = [
        "Clients, server and workers share the machine. The net of Keras is asked by model.predict "
        "behind the same server, in threads."
    ]
    memory = Table("Memory of the service and its workers", ["requests", "resident"])
    memory.rows = [
        [tables.whole(int(requests)), tables.megabytes(size)]
        for requests, size in data["memory"].items()
    ]
    return [load, *([memory] if memory.rows else [])]


def _rate(one: Data) -> float:
    return len(one["milliseconds"]) / one["seconds"]


def main(
    run: Annotated[
        Path | None, typer.Option(help="A run or a model's file; a quick cnn_classic if not given.")
    ] = None,
    against: Annotated[str, typer.Option(help="keras, or none.")] = KERAS,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of each engine's turn.")] = 4.0,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each engine.")] = 3,
    requests: Annotated[
        int, typer.Option(min=0, help="For the memory; 0 leaves it out, a tenth of them is first.")
    ] = 10_000,
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("benchmarks/results"),
) -> None:
    """Measure the service under load, beside Keras behind the same server."""
    if against not in (KERAS, "none"):
        raise typer.BadParameter(f"--against is keras or none, got {against!r}")
    console = Console()
    described = machine.describe()
    described["command"] = " ".join(["python -m benchmarks.serving", *sys.argv[1:]])
    names = [OURS] if against == "none" else [OURS, KERAS]
    with tempfile.TemporaryDirectory() as folder, console.status("a model") as status:
        model = a_model(Path(folder)) if run is None else run
        data = {
            "load": measure_load(names, model, seconds, rounds, status.update),
            "memory": {},
        }
        if requests:
            data["memory"] = measure_memory(model, requests // 10, requests, status.update)
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "serving.json", {"machine": described, "data": data})
    found = tables_of(data)
    with atomic(out / "serving.md") as partial:
        head = f"# Serving\n\n`{described['command']}`, {described['date']}, {described['cpu']}, "
        head += f"{described['cores']} cores.\n"
        partial.write_text("\n".join([head, *(table.markdown() for table in found)]))
    for table in found:
        console.print(table.rich())


if __name__ == "__main__":
    typer.run(main)
