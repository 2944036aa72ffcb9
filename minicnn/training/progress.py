"""How far a training is, for people: a moving bar in a terminal, one line per epoch elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from minicnn.training.callbacks import Callback, TrainingState


@contextmanager
def steps(total: int, progress: bool = True) -> Iterator[Callable[[str], None]]:
    """Show a bar for work in so many steps, in a terminal only; call the result before each step.

    >>> with steps(2, progress=False) as step:
    ...     step("reading")
    ...     step("drawing")
    """
    console = Console(stderr=True)
    shown = progress and console.is_terminal
    columns = BarColumn(bar_width=24), TextColumn("{task.description}")
    with Progress(*columns, console=console, disable=not shown, transient=True) as bar:
        task = bar.add_task("", total=total)
        begun = 0

        def step(name: str) -> None:
            nonlocal begun
            bar.update(task, description=name, completed=begun)
            begun += 1

        yield step


class ShowProgress(Callback):
    """Epoch, batches, loss, accuracy, images per second and the time left of the whole training."""

    def __init__(self, console: Console | None = None):
        self.console = console or Console(stderr=True)

    def on_start(self, training: TrainingState) -> None:
        self.digits = len(str(training.epochs))
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )
        done = training.history.epochs * training.batches
        total = training.epochs * training.batches
        self.task = self.bar.add_task("", total=total, completed=done, figures="")
        self.bar.start()
        self.started = time.perf_counter()

    def on_batch(self, training: TrainingState) -> None:
        rate = training.images / max(time.perf_counter() - self.started, 1e-9)
        batch = f"batch {training.batch}/{training.batches}"
        self.bar.update(
            self.task,
            advance=1,
            description=self._epoch(training, training.history.epochs + 1),
            figures=f"{batch}  {self._figures(training, rate)}",
        )

    def on_epoch(self, training: TrainingState) -> None:
        history = training.history
        figures = self._figures(training, history["images_per_second"][-1])
        line = f"{self._epoch(training, history.epochs)}  {figures}"
        if "val_loss" in history:
            line += (
                f"  val loss {history['val_loss'][-1]:.4f}"
                f"  val accuracy {history['val_accuracy'][-1]:.4f}"
            )
        self.bar.console.print(line, highlight=False, soft_wrap=True)
        self.started = time.perf_counter()

    def on_end(self, training: TrainingState) -> None:
        self.bar.stop()

    def _epoch(self, training: TrainingState, number: int) -> str:
        return f"epoch {number:>{self.digits}}/{training.epochs}"

    def _figures(self, training: TrainingState, rate: float) -> str:
        return f"loss {training.loss:.4f}  accuracy {training.accuracy:.4f}  {rate:,.0f} images/s"
