"""How far a search is, for people: a bar for all trials in a terminal, a line for each trial."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from minicnn.training.callbacks import Callback, TrainingState


class Watch:
    """The trials of this process on the standard error stream; the bar is of all processes'."""

    def __init__(self, shown: bool = True):
        self.console = Console(stderr=True, quiet=not shown)
        columns = BarColumn(bar_width=24), TextColumn("{task.description}"), TimeRemainingColumn()
        self.bar = Progress(
            *columns,
            TextColumn("left"),
            console=self.console,
            disable=not (shown and self.console.is_terminal),
            transient=True,
        )
        self.task = self.bar.add_task("", total=1.0)

    def __enter__(self) -> "Watch":
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def waiting(self, finished: int, wanted: int) -> None:
        """All that is left is with other processes."""
        words = f"{finished} of {wanted} trials, waiting for other processes"
        self.bar.update(self.task, total=wanted, completed=finished, description=words)

    def trial(self, number: int, finished: int, wanted: int) -> "ShowTrial":
        """Begin a trial; return the callback that shows it."""
        return ShowTrial(self, number, finished, wanted)

    def ended(
        self, number: int, values: Mapping[str, Any], accuracy: float | None, why: str
    ) -> None:
        """End a trial with its accuracy, or None if it has none; `why` says in a word how it
        ended.
        """
        figure = "–" if accuracy is None else f"{accuracy:.4f}"
        line = f"trial {number:>3}  {figure:>6}  {in_words(values)}"
        self.console.print(f"{line}  {why}".rstrip(), highlight=False, soft_wrap=True)


class ShowTrial(Callback):
    """Moves the bar of a `Watch` on."""

    def __init__(self, watch: Watch, number: int, finished: int, wanted: int):
        self.watch, self.number, self.finished, self.wanted = watch, number, finished, wanted

    def on_batch(self, training: TrainingState) -> None:
        epochs = training.history.epochs + training.batch / training.batches
        epoch = f"epoch {training.history.epochs + 1}/{training.epochs}"
        self.watch.bar.update(
            self.watch.task,
            total=self.wanted,
            completed=self.finished + epochs / training.epochs,
            description=f"{self.finished} of {self.wanted} trials, trial {self.number}, {epoch}",
        )


def in_words(values: Mapping[str, Any]) -> str:
    """Format the values of a trial in one line.

    >>> in_words({"lr": 0.00123456, "optimizer": "adam", "batch_size": 64})
    'lr 0.00123, optimizer adam, batch_size 64'
    """
    return ", ".join(f"{name} {worded(value)}" for name, value in values.items())


def worded(value: Any) -> str:
    """Format a value with three significant digits.

    >>> worded(0.123456), worded(128), worded("cosine")
    ('0.123', '128', 'cosine')
    """
    return f"{value:.3g}" if isinstance(value, float) else str(value)
