"""What is searched: the table, how it is narrowed, and what a trial draws from it."""

import json
from dataclasses import fields

import optuna
import pytest

from minicnn import zoo
from minicnn.data.augmentation import Augmentation
from minicnn.errors import SettingError, UnknownNameError
from minicnn.experiments.settings import Settings
from minicnn.experiments.tune import space
from minicnn.experiments.tune.space import SPACE, Choice, Range, drawn, fixed_value, rows_for

NAMES = [row.name for row in SPACE]
MIDDLE = {
    row.name: row.values[0] if isinstance(row, Choice) else (row.low + row.high) / 2
    for row in SPACE
}


def names(*arguments, **narrowed) -> list[str]:
    return [row.name for row in rows_for(*arguments, **narrowed)]


def test_every_row_is_a_setting_of_a_run_or_of_its_augmentation():
    settings = {field.name for kind in (Settings, Augmentation) for field in fields(kind)}
    assert {*NAMES} <= settings
    assert len({*NAMES}) == len(NAMES)


@pytest.mark.parametrize("row", SPACE, ids=NAMES)
def test_the_ends_of_every_row_can_be_trained_with(row):
    ends = row.values if isinstance(row, Choice) else (row.low, row.high)
    for value in ends:
        if row.name in {field.name for field in fields(Augmentation)}:
            made = Augmentation(**{row.name: value})
        else:
            optimizer = {"optimizer": "sgd"} if row.name == "momentum" else {}
            made = Settings.of("cnn_classic", **{**optimizer, row.name: value})
        assert getattr(made, row.name) == value


def test_what_is_fixed_is_not_searched():
    assert names("cnn_classic") == NAMES
    assert names("cnn_classic", fix={"lr": 0.1}) == [name for name in NAMES if name != "lr"]
    assert names("cnn_classic", only=["dropout", "lr"]) == ["lr", "dropout"]


def test_dropout_is_searched_where_a_model_has_it():
    assert [name for name in zoo.MODELS if "dropout" not in names(name)] == [
        name for name in zoo.MODELS if "Dropout" not in zoo.build(name).summary()
    ]
    with pytest.raises(SettingError, match="mlp has no dropout layer"):
        rows_for("mlp", only=["dropout"])


def test_no_batch_is_larger_than_the_training_set():
    (row,) = rows_for("mlp", only=["batch_size"], images=130)
    assert row.values == (32, 64, 128)
    (row,) = rows_for("mlp", only=["batch_size"], images=3)
    assert row.values == (32,), "too large as well, and refused as it is everywhere"


def test_names_that_are_not_known_are_refused():
    with pytest.raises(UnknownNameError, match="setting to search 'lrr'; did you mean 'lr'"):
        rows_for("mlp", only=["lrr"])
    with pytest.raises(UnknownNameError, match="setting to fix 'lrr'; did you mean 'lr'"):
        fixed_value("lrr", "1")
    with pytest.raises(SettingError, match="nothing is left to search"):
        rows_for("mlp", only=["lr"], fix={"lr": 0.1})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("lr", "1e-2", 0.01),
        ("batch_size", "48", 48),
        ("optimizer", "adamw", "adamw"),
        ("clip_norm", "1", 1.0),
        ("rotation", 5, 5.0),
    ],
)
def test_a_fixed_value_has_the_type_of_its_setting(name, text, value):
    found = fixed_value(name, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("name", "text"), [("lr", "fast"), ("batch_size", "1.5"), ("lr", None)])
def test_a_fixed_value_that_is_no_number_is_refused(name, text):
    with pytest.raises(SettingError, match=f"{name} must be a.* number, got"):
        fixed_value(name, text)


def test_momentum_is_drawn_for_sgd_alone():
    for optimizer in "adam", "sgd":
        trial = optuna.trial.FixedTrial({**MIDDLE, "optimizer": optimizer})
        values = drawn(SPACE, trial, "adam")
        assert {*NAMES} - {*values} == ({"momentum"} if optimizer == "adam" else set())
    only = rows_for("mlp", only=["momentum", "lr"])
    assert [*drawn(only, optuna.trial.FixedTrial(MIDDLE), "adam")] == ["lr"]
    assert [*drawn(only, optuna.trial.FixedTrial(MIDDLE), "sgd")] == ["lr", "momentum"]


def test_a_row_draws_within_its_bounds():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    row = Range("lr", 1e-4, 1e-1, log=True)
    values = [row.suggest(study.ask()) for _ in range(300)]
    assert 1e-4 <= min(values) < max(values) <= 1e-1
    below = sum(value < 10**-2.5 for value in values)
    assert 110 < below < 190, "half of them below the middle of the powers"


def test_the_value_nearest_to_a_recipes():
    assert Range("lr", 0.1, 0.2).nearest(0.0) == 0.1
    assert Range("lr", 0.1, 0.2).nearest(0.15) == 0.15
    assert Choice("batch_size", (32, 64)).nearest(200) is None


def test_the_rows_are_plain_data():
    assert json.loads(json.dumps(space.plain(SPACE[:2]))) == {
        "optimizer": {"values": ["adam", "sgd"], "log": False},
        "lr": {"low": 1e-4, "high": 1e-1, "log": True},
    }
