"""The pages of the API: which modules stand on which page."""

import importlib
import inspect
from pathlib import Path
from types import ModuleType

import minicnn


def _homes(room: str) -> list[str]:
    """The modules of a room that hold public names of minicnn."""
    places = {getattr(getattr(minicnn, name), "__module__", "") for name in minicnn.__all__}
    names = (place.removeprefix("minicnn.") for place in places)
    return sorted(name for name in names if name.startswith(f"{room}."))


PAGES = {
    "The engine": ["tensor", "tape", "gradient_check"],
    "Ops": ["functional"],
    "Kernels": ["kernels", "kernels.reference"],
    "Layers and models": ["nn"],
    "Optimizers and schedules": ["optim"],
    "Data": ["data", "data.augmentation", "data.idx"],
    "Metrics": ["metrics"],
    "Training": ["training.fit", "training.callbacks", "training.checkpoint"],
    "Named models": ["zoo"],
    "Keras, ONNX, TensorFlow Lite": _homes("bridge"),
    "Insight": _homes("insight"),
    "Reading pictures": _homes("reader"),
    "Errors": ["errors"],
}


def write_pages(folder: Path) -> list[dict[str, str]]:
    """Write a page for each entry, and one for the public names; give their places."""
    (folder / "api").mkdir()
    (folder / "api" / "index.md").write_text(_names())
    pages = [{"minicnn": "api/index.md"}]
    for title, modules in PAGES.items():
        place = f"api/{modules[0].replace('.', '-')}.md"
        parts = [_module(importlib.import_module(f"minicnn.{name}")) for name in modules]
        (folder / place).write_text("\n".join([f"# {title}\n", *parts]))
        pages.append({title: place})
    return pages


def _names() -> str:
    """What ``import minicnn as mc`` offers."""
    objects = {name: getattr(minicnn, name) for name in minicnn.__all__}
    rows = [
        f"| `mc.{name}` | {_first_line(found)} |"
        for name, found in objects.items()
        if inspect.ismodule(found)
    ]
    parts = [
        "# minicnn\n",
        "After `import minicnn as mc`:\n",
        "| module | |",
        "| --- | --- |",
        *rows,
    ]
    for name, found in objects.items():
        if not inspect.ismodule(found):
            parts.append(f"\n::: {found.__module__}.{name}")
    return "\n".join(parts) + "\n"


def _module(module: ModuleType) -> str:
    members = "".join(f"\n        - {name}" for name in _public(module))
    return (
        f"::: {module.__name__}\n"
        "    options:\n"
        "      show_root_full_path: true\n"
        f"      members:{members}\n"
    )


def _public(module: ModuleType) -> list[str]:
    """The names that a module offers: its `__all__`, or what is defined in it."""
    listed = getattr(module, "__all__", None) or [
        name
        for name, found in vars(module).items()
        if not name.startswith("_")
        and getattr(found, "__module__", None) == module.__name__
        and getattr(found, "__doc__", None)
    ]
    return [name for name in listed if not inspect.ismodule(getattr(module, name))]


def _first_line(found: object) -> str:
    return (inspect.getdoc(found) or "").partition("\n")[0]
