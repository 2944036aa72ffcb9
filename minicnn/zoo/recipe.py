"""How a model is trained: each setting is declared here, once (see `minicnn.plain_data`)."""

from dataclasses import dataclass

from minicnn import optim
from minicnn.data.augmentation import Augmentation
from minicnn.plain_data import check_settings, setting
from minicnn.training.callbacks import KEEPERS
from minicnn.training.tta import VIEWS

UNMOVED = Augmentation()
"""Pictures as they are."""


@dataclass(frozen=True)
class Recipe:
    """How a model is trained unless told otherwise.

    Raises `UnknownNameError` for an optimizer, a schedule or an epoch to keep that is not known,
    and `SettingError` for a number that cannot be.
    """

    optimizer: str = setting(
        "adam",
        "What takes the steps.",
        known=optim.OPTIMIZERS,
        search={"values": ("adam", "sgd")},  # adamw is adam with a weight decay, which is searched
        of_optimizer=True,
    )
    lr: float = setting(
        1e-3,
        "Learning rate (the peak of a schedule).",
        "(0, inf)",
        search={"low": 1e-4, "high": 1e-1, "log": True},
        word="learning rate",
        of_optimizer=True,
    )
    momentum: float = setting(
        0.0, "Momentum of sgd.", "[0, 1)", search={"low": 0.5, "high": 0.99}, of_optimizer=True
    )
    batch_size: int = setting(
        128,
        "Images per step.",
        "[1, inf)",
        search={"values": (32, 64, 128, 256), "log": True},
    )
    epochs: int = setting(10, "Passes over the training set.", "[1, inf)")
    weight_decay: float = setting(
        0.0,
        "Decoupled weight decay.",
        "[0, inf)",
        search={"low": 1e-5, "high": 1e-1, "log": True},
        of_optimizer=True,
    )
    schedule: str = setting(
        "constant",
        "How the learning rate goes over the training.",
        known=optim.SCHEDULES,
        search={"values": tuple(optim.SCHEDULES)},
    )
    beta1: float = setting(
        0.9, "Decay of adam's mean of the gradients.", "[0, 1)", of_optimizer=True
    )
    beta2: float = setting(
        0.999, "Decay of adam's mean of their squares.", "[0, 1)", of_optimizer=True
    )
    clip_norm: float | None = setting(
        None, "Longest gradient allowed.", "(0, inf)", word="longest gradient"
    )
    label_smoothing: float = setting(
        0.0,
        "Share of each label that is given to all classes.",
        "[0, 1)",
        search={"low": 0.0, "high": 0.2},
    )
    dropout: float | None = setting(
        None,
        "Rate of the model's dropout layers.",
        "[0, 1)",
        search={"low": 0.0, "high": 0.6},
        left_out="the model's own",
    )
    augmentation: Augmentation = setting(
        UNMOVED, "Change the training pictures at random.", option="--augment"
    )
    ema: float = setting(0.0, "Decay of a running mean of the weights; 0 for none.", "[0, 1)")
    tta: int = setting(1, "Views of a test picture to average over.", f"[1, {len(VIEWS)}]")
    validation: float = setting(0.1, "Share of the training set held out; 0 for none.", "[0, 1)")
    patience: int | None = setting(None, "Stop after so many epochs without progress.", "[1, inf)")
    keep: str = setting(
        "best", "The epoch whose weights to end with.", known=KEEPERS, kind="epoch to keep"
    )

    def __post_init__(self) -> None:
        check_settings(self)
