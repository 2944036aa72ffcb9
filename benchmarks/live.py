"""What the page of `minicnn train --live` costs: `python -m benchmarks.live`, see `--help`.

Trainings of one epoch in turns: alone, and with the page open in Chromium on the same machine,
which draws too. Printed is the throughput of each, and the median of the pairs' ratios.
"""

import contextlib
import shutil
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

import minicnn as mc
from benchmarks import stats, tables
from benchmarks.tables import Table
from minicnn import zoo
from minicnn.data import Dataset
from minicnn.training.callbacks import Callback
from minicnn.web.live.watch import watch

SETTLE = 5000
"""Milliseconds until the browser has done what it does after its start."""


@contextlib.contextmanager
def page_open() -> Iterator[list[Callback]]:
    """The callback of a page that a real browser shows meanwhile."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    addresses: list[str] = []
    with (
        sync_playwright() as driver,
        watch("benchmark", 0, addresses.append) as view,
        driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"]) as browser,
    ):
        page = browser.new_page()
        page.goto(addresses[0])
        page.wait_for_timeout(SETTLE)
        yield [view]
        page.locator("#epochs tbody tr").wait_for()  # it has shown the epoch


def throughput(model: str, data: Dataset, callbacks: Any) -> float:
    """Images a second of an epoch."""
    net = zoo.build(model, rng=0)
    history = mc.fit(net, data, epochs=1, validation=0.1, callbacks=callbacks, progress=False)
    return history["images_per_second"][-1]


def main(
    model: Annotated[str, typer.Option(help="One of the zoo.")] = "cnn_classic",
    images: Annotated[int, typer.Option(help="In an epoch.")] = 20_000,
    pairs: Annotated[int, typer.Option(min=1, help="Of trainings, alone and watched.")] = 8,
) -> None:
    """Train in turns, alone and with the page open."""
    data = mc.data.mnist()[0][:images]
    throughput(model, data[:2000], [])  # what compiles, compiles here
    rounds = []
    for _ in track(range(pairs), "pairs"):
        one = {"alone": throughput(model, data, [])}
        with page_open() as callbacks:
            one["watched"] = throughput(model, data, callbacks)
        rounds.append(one)
    table = Table(f"{model}, {images:,} images", ["", "images/s"])
    for name in ("alone", "watched"):
        table.rows.append([name, tables.whole(stats.spread(one[name] for one in rounds).median)])
    ratio = stats.spread(one["watched"] / one["alone"] for one in rounds)
    table.rows.append(["watched / alone", f"{ratio.median:.3f} ({ratio.low:.3f}–{ratio.high:.3f})"])
    Console().print(table.rich())


if __name__ == "__main__":
    typer.run(main)
