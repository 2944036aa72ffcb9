"""The sections of the benchmark, in the order in which they run.

Each is a module with `TITLE`; `measure(bench)`, which gives raw figures as plain data; and
`tables_of(data)` and `figure(data)`, which show such data, fresh or out of a file.
"""

from types import ModuleType

from benchmarks.sections import (
    growth,
    kernels,
    latency,
    memory,
    prediction,
    startup,
    time_to_accuracy,
    training,
)

SECTIONS: dict[str, ModuleType] = {
    "training": training,
    "prediction": prediction,
    "latency": latency,
    "time_to_accuracy": time_to_accuracy,
    "startup": startup,
    "memory": memory,
    "growth": growth,
    "kernels": kernels,
}
