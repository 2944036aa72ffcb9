"""The page on a search; what it says stands in ``page.md.jinja``."""

from minicnn.experiments.report.markdown import page_from
from minicnn.experiments.report.page import Page
from minicnn.experiments.tune import figures
from minicnn.experiments.tune.found import Tuning
from minicnn.experiments.tune.watch import worded

LISTED = 20  # trials


def tuning_page(found: Tuning) -> Page:
    """Return the page on a search that has a complete trial."""
    best, settings = found.best, found.settings
    assert best is not None
    assert settings is not None
    ended = [t for t in found.trials if t.state in figures.LOOKS and t.accuracies]
    own = {k: v for k, v in vars(settings).items() if k != "augmentation" and v is not None}
    own |= {k: v for k, v in vars(settings.augmentation).items() if v}
    return page_from(
        "tune/page.md.jinja",
        found=found,
        best=best,
        others={name: value for name, value in own.items() if name not in best.values},
        ended=ended,
        order=sorted(ended, key=lambda trial: (trial.state, -(trial.accuracy or 0))),
        listed=LISTED,
        figures=figures,
        worded=worded,
    )
