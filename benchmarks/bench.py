"""What every section is given: the settings, the running engines, and a line to say things on."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.engines import Engine, Engines
from benchmarks.settings import OURS, Effort, Settings
from benchmarks.turns import Contender, Task

T = TypeVar("T")


class UnavailableError(Exception):
    """A section cannot be measured on this system; the message says why."""


@dataclass
class Bench:
    """One run of the benchmarks.

    - `progress`: shows a bar for the section; `say` changes the words beside it.
    """

    settings: Settings
    engines: Engines
    progress: Progress

    @property
    def effort(self) -> Effort:
        """How much time to spend."""
        return self.settings.effort

    def peers(self) -> list[str]:
        """The peers that were asked for and are installed."""
        return self.engines.present(self.settings.peers)

    def contestants(self) -> list[Engine]:
        """Our engine and the peers, running."""
        return [self.engines.get(name) for name in [OURS, *self.peers()]]

    def limit(self, kind: str, turn: float) -> Contender:
        """The machine's own speed ("sgemm", "triad", "copy"), to take turns with the engines."""
        machine, task = self.engines.get("machine"), Task(kind)
        limit = Contender.warmed_up(machine, task, machine.ways(kind)[0], turn)
        limit.name = kind
        return limit

    def work(self, kind: str) -> float:
        """Operations, or bytes, of one step of a `limit`."""
        return float(self.engines.get("machine").about["work"][kind])

    def each(self, items: Sequence[T], name: Callable[[T], str] = str) -> Iterator[T]:
        """Walk over the parts of a section, and show how far it has come."""
        bar = self.progress.add_task("", total=len(items))
        try:
            for item in items:
                self._prefix = name(item)
                self.say("")
                yield item
                self.progress.advance(bar)
        finally:
            self.progress.remove_task(bar)

    def say(self, what: str) -> None:
        """Show what is being done now."""
        words = f"{self._prefix}  {what}"
        for bar in self.progress.task_ids:
            self.progress.update(bar, description=words)

    _prefix = ""


@contextmanager
def progress_bar(console: Console) -> Iterator[Progress]:
    """The bar of a section."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        yield progress
