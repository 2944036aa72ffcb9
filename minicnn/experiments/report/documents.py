"""A report as a folder: a page in HTML and PDF, its figures as PNG, its numbers as JSON."""

from typing import Any

from minicnn.experiments.explore import Exploration
from minicnn.experiments.report.data_page import data_page
from minicnn.experiments.report.html import html
from minicnn.experiments.report.page import Page
from minicnn.experiments.report.pdf import pdf
from minicnn.experiments.report.run_numbers import RunReport
from minicnn.experiments.report.run_page import run_page
from minicnn.files import StrPath, new_folder
from minicnn.plain_data import write_json


def write_data_report(found: Exploration, folder: StrPath, name: str = "MNIST") -> Page:
    """Write what `explore` found as `exploration.html`, `.pdf` and `.json`, and `figures/*.png`.

    - `folder`: where to, new or empty.
    - `name`: what the page calls the data set.

    Gives the page. Raises `WriteError` if the folder is not empty or cannot be written to; then
    nothing was written.
    """
    return _write(folder, "exploration", data_page(found, name), found.to_dict())


def write_run_report(report: RunReport, folder: StrPath) -> Page:
    """Write what `report_run` found as `report.html`, `.pdf` and `.json`, and `figures/*.png`.

    The arguments, the result and the errors are as in `write_data_report`.
    """
    return _write(folder, "report", run_page(report), report.to_dict())


def _write(folder: StrPath, name: str, page: Page, numbers: dict[str, Any]) -> Page:
    with new_folder(folder) as partial:
        (partial / f"{name}.html").write_text(html(page), encoding="utf-8")
        (partial / f"{name}.pdf").write_bytes(pdf(page))
        write_json(partial / f"{name}.json", numbers)
        (partial / "figures").mkdir()
        for picture in page.pictures:
            (partial / "figures" / f"{picture.name}.png").write_bytes(picture.png)
    return page
