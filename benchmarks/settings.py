"""What is measured, and how long: the full run, and the quick one, which shows that all works."""

from dataclasses import dataclass, field

OURS = "minicnn"
PEERS = ("keras", "torch")
MODELS = (
    "mlp",
    "cnn_baseline",
    "cnn_simple",
    "cnn_compact",
    "cnn_classic",
    "cnn_light",
    "cnn_deeper",
)


@dataclass(frozen=True)
class Effort:
    """How much time is spent on the figures.

    - `turn`: seconds that an engine works before the next one is asked; `rounds`: how often each
      has its turn; `tryouts`: turns for each way of using a peer before the fastest is taken (0:
      take the one that is listed first).
    - `models`: those that are measured unless others are asked for.
    - `kernel_turn`, `kernel_rounds`: the same for the micro-benchmarks, on the shapes of
      `kernel_models`.
    - `processes`: how many processes are started for a figure of a whole process; `first_runs`: how
      many with an empty cache; `accuracy_runs`: how many are trained to `accuracy`.
    - `batches`, `memory_batches`, `sides`, `channels`: the points of the section on growth.
    """

    models: tuple[str, ...] = MODELS
    turn: float = 0.8
    rounds: int = 7
    tryouts: int = 2
    kernel_turn: float = 0.12
    kernel_rounds: int = 3
    kernel_models: tuple[str, ...] = ("cnn_classic", "cnn_deeper", "cnn_simple")
    processes: int = 5
    first_runs: int = 2
    accuracy_runs: int = 3
    accuracy: float = 0.99
    growth_rounds: int = 3
    batches: tuple[int, ...] = (32, 64, 128, 256, 512, 1024, 2048, 4096)
    memory_batches: tuple[int, ...] = (32, 128, 512, 1024, 4096)
    sides: tuple[int, ...] = (14, 28, 56, 112)
    channels: tuple[int, ...] = (1, 4, 16, 64)


FULL = Effort()
QUICK = Effort(
    models=("mlp", "cnn_classic", "cnn_deeper"),
    turn=0.15,
    rounds=2,
    tryouts=0,
    kernel_turn=0.02,
    kernel_rounds=1,
    kernel_models=("cnn_classic",),
    processes=1,
    first_runs=1,
    accuracy_runs=1,
    accuracy=0.96,
    growth_rounds=1,
    batches=(32, 128, 1024),
    memory_batches=(128, 1024),
    sides=(28, 56),
    channels=(1, 16),
)


@dataclass(frozen=True)
class Settings:
    """The choices of one run."""

    models: tuple[str, ...] = MODELS
    peers: tuple[str, ...] = PEERS
    effort: Effort = field(default=FULL)
