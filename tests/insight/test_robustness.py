"""Robustness: which pictures are measured, and that the numbers are those of `evaluate`."""

import json

import numpy as np
import pytest

from minicnn import nn
from minicnn.data import Dataset, mnist
from minicnn.data.corruption import CORRUPTIONS
from minicnn.errors import SettingError, ShapeError
from minicnn.insight.robustness import Robustness, measure_robustness, sample


def brightness_model() -> nn.Sequential:
    """Tells whether the mean of a 6×6 picture is above 0.5; nobody needs to train it."""
    model = nn.Sequential(nn.Flatten(), nn.Dense(2), input_shape=(6, 6, 1))
    weights = {"dense.weight": np.ones((36, 2)) * [-1, 1] / 36, "dense.bias": np.array([0.5, -0.5])}
    model.set_weights(weights)
    return model


def grey_pictures(count: int) -> Dataset:
    rng = np.random.default_rng(0)
    images = np.broadcast_to(rng.random((count, 1, 1, 1), np.float32), (count, 6, 6, 1))
    return Dataset(images, (images[:, 0, 0, 0] > 0.5).astype(int), ("dark", "light"))


def test_each_number_is_the_accuracy_on_the_corrupted_pictures():
    data = grey_pictures(300)
    found = measure_robustness(brightness_model(), data, progress=False)
    assert (found.images, found.out_of, found.clean) == (300, 300, 1)
    # A uniform picture has no contrast to lose and nothing to blur; what is covered turns dark.
    assert found.accuracy["contrast"] == (1, 1, 1, 1)
    assert found.accuracy["blur"] == (1, 1, 1, 1)
    values, light = data.images[:, 0, 0, 0], data.labels == 1
    for pixels, accuracy in zip((1, 2, 3, 4), found.accuracy["shift"], strict=True):
        seen_as_light = values * (6 - pixels) / 6 > 0.5
        assert accuracy == pytest.approx((seen_as_light == light).mean())
    for side, accuracy in zip((4, 6, 6, 6), found.accuracy["occlusion"], strict=True):
        seen_as_light = values * (36 - side * side) / 36 > 0.5
        assert accuracy == pytest.approx((seen_as_light == light).mean())
    assert found.mean("shift") == pytest.approx(np.mean(found.accuracy["shift"]))
    assert found.overall == pytest.approx(np.mean([*found.accuracy.values()]))


def test_so_many_pictures_are_drawn_the_same_for_every_model():
    data = grey_pictures(100)
    assert sample(data, 100) is data
    few = sample(data, 30)
    assert len(np.unique(few.images[:, 0, 0, 0])) == 30
    np.testing.assert_array_equal(few.images, sample(data, 30).images)
    places = [np.flatnonzero((data.images == one).all(axis=(1, 2, 3)))[0] for one in few.images]
    assert places == sorted(places)
    assert places != [*range(30)]
    first, again, other = (
        measure_robustness(brightness_model(), data, most=30, seed=seed, progress=False)
        for seed in (0, 0, 1)
    )
    assert first == again != other
    assert (first.images, first.out_of) == (30, 100)


def test_the_seed_decides_what_is_done_to_the_pictures():
    first, other = (
        measure_robustness(brightness_model(), grey_pictures(300), seed=seed, progress=False)
        for seed in (0, 1)
    )
    assert first.clean == other.clean
    assert first.accuracy["noise"] != other.accuracy["noise"]


def test_bytes_are_measured_as_floats_are():
    _, test = mnist()
    few = test[:50]
    floats = Dataset(few.scaled(), few.labels, few.class_names)
    model = nn.Sequential(nn.Flatten(), nn.Dense(10), input_shape=(28, 28, 1))
    assert measure_robustness(model, few, progress=False) == measure_robustness(
        model, floats, progress=False
    )


def test_numbers_go_to_json_and_back():
    found = measure_robustness(brightness_model(), grey_pictures(20), progress=False)
    numbers = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert Robustness.from_dict(numbers) == found
    assert [*numbers["corruptions"]] == [*CORRUPTIONS]
    assert numbers["corruptions"]["rotation"].keys() == {"7.5°", "15°", "22.5°", "30°"}
    assert numbers["corruptions"]["occlusion"].keys() >= {"4 × 4 px", "10 × 10 px"}


def test_views_are_those_of_evaluate(monkeypatch):
    asked = []

    def evaluate(model, data, tta):
        from minicnn.training.fit import Evaluation

        asked.append(tta)
        return Evaluation(0, 1, data.labels, np.zeros((len(data), 2)))

    monkeypatch.setattr("minicnn.insight.robustness.evaluate", evaluate)
    measure_robustness(brightness_model(), grey_pictures(10), tta=5, progress=False)
    assert asked == [5] * 25


def test_nothing_to_measure_and_data_that_does_not_fit_are_refused():
    with pytest.raises(SettingError, match="most is 0"):
        measure_robustness(brightness_model(), grey_pictures(5), most=0)
    with pytest.raises(ShapeError, match="takes"):
        measure_robustness(brightness_model(), mnist()[1], most=5, progress=False)
