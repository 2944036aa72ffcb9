"""The house: imports run one way only, and ``import minicnn`` is quick."""

import ast
import graphlib
import importlib.util
from pathlib import Path

import pytest

import minicnn

HOUSE = (
    "errors",
    "files",
    "plain_data",
    "kernels",
    "tape",
    "tensor",
    "functional",
    "optim",
    "gradient_check",
    "nn",
    "data",
    "metrics",
    "training",
    "zoo",
    "bridge",
    "insight",
    "learn",
    "experiments",
    "reader",
    "web",
    "examples",
    "cli",
    "__main__",
)
"""The parts from the ground up: a module imports only from those before its own."""

TOP = Path(__file__).parents[1]


def modules(package: Path) -> dict[str, Path]:
    """Every module of a package, by the name under which it is imported."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = [package.name, *path.relative_to(package).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


PATHS = modules(Path(minicnn.__file__).parent)
BENCHMARKS = modules(TOP / "benchmarks")


def imports(name: str) -> set[str]:
    """The modules of this repository that a module's text imports, anywhere in it."""
    found, paths = set(), PATHS | BENCHMARKS
    package = name if paths[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(paths[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            source = importlib.util.resolve_name(source, package)
            for alias in node.names:  # `from package import module`, or a name inside a module
                if alias.name == "__version__":
                    continue  # is there before anything else
                inner = f"{source}.{alias.name}"
                found.add(inner if inner in paths else source)
    return {module for module in found if module.split(".")[0] in {"minicnn", "benchmarks"}}


def floor(module: str) -> str:
    """Which part of the house a module belongs to: ``minicnn.nn.layers`` -> ``nn``."""
    return module.split(".")[1]


def test_every_module_has_its_place():
    parts = {floor(name) for name in PATHS if name != "minicnn"}
    assert parts <= {*HOUSE}, f"give {sorted(parts - {*HOUSE})} a place in HOUSE"
    assert {*HOUSE} <= parts, f"{sorted({*HOUSE} - parts)} is gone"


def test_a_module_imports_only_from_those_before_it():
    upward = [
        f"{name} imports {imported}"
        for name in PATHS
        if name != "minicnn"
        for imported in imports(name)
        if imported == "minicnn"
        or (
            floor(imported) != floor(name)
            and HOUSE.index(floor(imported)) > HOUSE.index(floor(name))
        )
    ]
    assert upward == []


def test_no_two_modules_import_each_other_even_inside_a_package():
    order = list(graphlib.TopologicalSorter({name: imports(name) for name in PATHS}).static_order())
    assert order.index("minicnn.errors") < order.index("minicnn.kernels.reference")
    assert order.index("minicnn.kernels.reference") < order.index("minicnn.tensor")


def test_the_benchmarks_have_no_circle_and_minicnn_does_without_them():
    names = {name: imports(name) & {*BENCHMARKS} for name in BENCHMARKS}
    order = list(graphlib.TopologicalSorter(names).static_order())
    assert order.index("benchmarks.goals") < order.index("benchmarks.results")
    assert [name for name in PATHS if imports(name) & {*BENCHMARKS}] == []


def test_the_top_of_the_package_imports_nothing_by_itself():
    assert imports("minicnn") == set()


@pytest.mark.parametrize(
    "statement", ["import minicnn", "from minicnn import kernels, nn, optim, training, zoo, cli"]
)
def test_imports_leave_the_heavy_things_alone(statement, run_python):
    heavy = ["numba", "matplotlib", "scipy", "tensorflow", "h5py", "onnx", "optuna"]
    heavy += ["typer"] if statement == "import minicnn" else []
    program = f"import sys; {statement}; print([m for m in {heavy} if m in sys.modules])"
    assert run_python("-c", program) == "[]\n"


def test_every_public_name_is_found_where_it_lives(run_python):
    program = """
import minicnn
for name in minicnn.__all__:
    first = getattr(minicnn, name)
    assert getattr(minicnn, name) is first, f"minicnn.{name} became {getattr(minicnn, name)}"
    assert name in dir(minicnn)
    print(name)
"""
    assert run_python("-c", program).split() == minicnn.__all__
