"""The module tree: what a model consists of, however its layers are put together.

Held here: each weight is found once, whatever names, lists or cycles it stands in; modules of one's
own are built with the model, from its generator; a frozen weight stays as it is; what is copied,
shared, replaced or saved keeps its weights.
"""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn as mc
from minicnn import nn, optim
from minicnn.bridge.h5 import h5_bytes, read_h5
from minicnn.data import Dataset
from minicnn.errors import MinicnnError, ShapeError
from minicnn.experiments.ensembles import ensemble
from minicnn.tensor import Tensor
from minicnn.training.checkpoint import Checkpoint, load_model, save_model
from minicnn.training.ema import recalibrate_batch_norm

QUIET = {"progress": False, "validation": None}


def images(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 1, shape).astype(np.float32)


def pictures(count=40, size=4, classes=3):
    x = np.random.default_rng(1).integers(0, 256, (count, size, size, 1), np.uint8)
    return Dataset(x, np.arange(count) % classes)


def weight(value=2.0):
    return Tensor(np.array([value], np.float32), requires_grad=True)


class Holding(nn.Module):
    """The sum of all that the modules in `held` give, and of the tensors in it times the input."""

    def __init__(self, **held):
        vars(self).update(held)

    def forward(self, x, training):
        return sum((value(x) for value in self.members), 0 * x)


class Times(nn.Module):
    def __init__(self):
        self.factor = weight()

    def forward(self, x, training):
        return x * self.factor


# ------------------------------------------------------------------ each weight once

SHARED = {
    "under two names": lambda layer: {"a": layer, "b": layer},
    "twice in a list": lambda layer: {"parts": [layer, layer]},
    "in a list and under a name": lambda layer: {"parts": [layer], "again": layer},
    "in a tuple in a list": lambda layer: {"parts": [(layer,), (layer,)]},
    "in a dictionary": lambda layer: {"parts": {"left": layer, "right": [layer]}},
    "inside another module": lambda layer: {"a": Holding(inner=layer), "b": layer},
    "its weight under a name": lambda layer: {"factor": layer.factor, "b": layer},
    "its weight in a list": lambda layer: {"factors": [layer.factor, layer.factor], "b": layer},
}


@pytest.mark.parametrize("case", SHARED)
def test_a_shared_weight_is_counted_and_stepped_once(case):
    """loss = w x + w x at x = 2, so dw = 4: with a rate of 0.1 from 2 to 1.6."""
    layer = Times()
    model = Holding(**SHARED[case](layer))
    model.members = (layer, layer)
    assert model.parameter_count() == 1
    assert len(model.weights()) == 1
    model(np.full((1, 1), 2, np.float32)).sum().backward()
    optim.SGD(0.1).step(model.parameters())
    assert layer.factor.item() == pytest.approx(1.6, rel=1e-6)
    (name,) = model.weights()
    model.set_weights({name: np.array([5.0])})
    assert layer.factor.item() == 5


def test_a_shared_layer_decays_and_is_averaged_once():
    """One step of SGD at a rate of 0.1 with decay 0.5 and no gradient but that of the loss, 4."""
    layer = Times()
    model = Holding(a=layer, b=layer, members=[layer, layer])
    model(np.full((1, 1), 2, np.float32)).sum().backward()
    optim.SGD(0.1, weight_decay=0.5).step(model.parameters())
    assert layer.factor.item() == pytest.approx(2 * (1 - 0.1 * 0.5) - 0.1 * 4, rel=1e-6)


def test_a_cycle_in_the_tree_has_an_end():
    parent, child = Holding(members=[]), Times()
    parent.child, child.parent, child.me = child, parent, [child]
    assert [type(module) for module in parent.modules()] == [Holding, Times]
    assert [name for name, _ in parent.named_tensors()] == ["child.factor"]
    assert [name for name, _ in child.named_tensors()] == ["factor"]


def test_two_weights_never_have_one_name():
    one, two, three = (nn.Dense(1, name="d") for _ in range(3))
    model = Holding(parts=[one, two], d=three, members=[one, two, three])
    model(images(1, 2))
    weights = model.weights()
    assert len(weights) == 6
    for i, layer in enumerate((one, two, three)):
        layer.weight[...] = i
    restored = copy.deepcopy(model)
    restored.set_weights({name: 0 * value for name, value in weights.items()})
    restored.set_weights(model.weights())
    for mine, theirs in zip(model.parameters(), restored.parameters(), strict=True):
        np.testing.assert_array_equal(mine.data, theirs.data)


def test_a_set_has_no_order_and_is_refused():
    with pytest.raises(ShapeError, match="parts is a set"):
        Holding(parts={Times()}).parameters()


def test_an_output_that_a_module_keeps_is_no_weight():
    class Keeps(Times):
        def forward(self, x, training):
            self.last = super().forward(x, training)
            return self.last

    model = Keeps()
    model(images(3, 1))
    assert [name for name, _ in model.named_tensors()] == ["factor"]


@st.composite
def trees(draw):
    """A tree of modules with a few layers that stand in many places, and the layers themselves."""
    layers = [Times() for _ in range(draw(st.integers(1, 4)))]

    def held(depth):
        kinds = ["layer", "list", "tuple", "dict", "module"]
        kind = draw(st.sampled_from(kinds)) if depth else "layer"
        if kind == "layer":
            return draw(st.sampled_from(layers))
        parts = [held(depth - 1) for _ in range(draw(st.integers(0, 3)))]
        if kind == "module":
            return Holding(**{f"part{i}": part for i, part in enumerate(parts)})
        return {"list": list, "tuple": tuple, "dict": lambda p: dict(enumerate(p))}[kind](parts)

    return Holding(first=held(3), second=held(3), all=list(layers)), layers


@given(trees())
def test_any_tree_gives_each_weight_once_under_a_name_of_its_own(tree):
    model, layers = tree
    assert {id(p) for p in model.parameters()} == {id(layer.factor) for layer in layers}
    assert model.parameter_count() == len(layers) == len(model.weights())
    for i, name in enumerate(sorted(model.weights())):
        model.set_weights({n: v + (n == name) for n, v in model.weights().items()})
        assert sum(layer.factor.item() for layer in layers) == 2 * len(layers) + i + 1


# ------------------------------------------------------------------ modules with only a forward


class Block(nn.Module):
    """Two layers, a dropout and another block, with a forward and nothing else."""

    def __init__(self, inner=None):
        self.wide, self.narrow, self.drop = nn.Dense(8, "relu"), nn.Dense(4), nn.Dropout(0.5)
        self.norm, self.inner = nn.BatchNorm(), inner

    def forward(self, x, training):
        y = self.drop(self.norm(self.wide(x, training), training), training)
        y = self.narrow(y, training)
        return self.inner(y, training) if self.inner else y


def blocks(**settings):
    return nn.Sequential(nn.Flatten(), Block(Block()), nn.ReLU(), nn.Dense(3), **settings)


@pytest.mark.parametrize(
    "make",
    [lambda: Block(Block(nn.Dense(3))), blocks, lambda: blocks(input_shape=(4, 4, 1))],
    ids=["alone", "in a model", "in a built model"],
)
def test_the_same_seed_trains_blocks_of_ones_own_alike(make):
    class Flat(nn.Module):
        def __init__(self, inner):
            self.inner = inner

        def forward(self, x, training):
            return self.inner(x.reshape(x.shape[0], -1), training)

    def losses():
        model = make()
        model = model if isinstance(model, nn.Sequential) else Flat(model)
        return mc.fit(model, pictures(), epochs=2, batch_size=10, rng=0, **QUIET)["loss"]

    assert losses() == losses()


def test_blocks_have_all_their_weights_before_the_first_batch():
    model = blocks(input_shape=(4, 4, 1))
    weights = model.weights()
    inner = [f"{layer}.{w}" for layer in ("wide", "narrow") for w in ("weight", "bias")]
    inner += [f"norm.{w}" for w in ("gamma", "beta", "moving_mean", "moving_variance")]
    names = {f"block.{n}" for n in inner} | {f"block.inner.{n}" for n in inner}
    assert {*weights} == {*names, "dense.weight", "dense.bias"}
    dense = 16 * 8 + 8 + 8 * 4 + 4 + 4 * 8 + 8 + 8 * 4 + 4 + 4 * 3 + 3
    assert model.parameter_count() == dense + 2 * 2 * 8
    assert model.layer_rows()[1].output_shape == (4,)
    assert model.layer_rows()[1].parameters == dense - 15 + 2 * 4 * 8
    assert f"Total params: {dense + 64:,} (" in model.summary()
    assert f"Non-trainable params: {32:,}" in model.summary()
    other = blocks(input_shape=(4, 4, 1), rng=1)
    other.set_weights(weights)
    x = images(5, 4, 4, 1)
    np.testing.assert_array_equal(other(x).data, model(x).data)
    before = model.weights()
    model(x, training=True)
    assert model.weights().keys() == before.keys()


def test_building_leaves_running_averages_as_they_begin():
    weights = blocks(input_shape=(4, 4, 1)).weights()
    assert not weights["block.norm.moving_mean"].any()
    assert (weights["block.norm.moving_variance"] == 1).all()


def test_a_layer_that_only_training_reaches_is_built_too():
    class Helped(nn.Module):
        def __init__(self):
            self.main, self.norm = nn.Dense(3), nn.BatchNorm()
            self.unused = nn.Dense(7)

        def forward(self, x, training):
            return self.main(self.norm(x, training) if training else x, training)

    model = Helped()
    model.ensure_built((2,), np.random.default_rng(0))
    weights = model.weights()
    assert {name.split(".")[0] for name in weights} == {"main", "norm"}
    assert (weights["norm.moving_variance"] == 1).all()
    model.forward = None  # what is not reached is not sought again at each step
    assert len(model.parameters()) == 4


def test_branches_that_are_alike_begin_and_drop_unlike():
    """Nested models take their seed from the one around them, not all the same one."""

    class Branches(nn.Module):
        def __init__(self):
            self.parts = [nn.Sequential(nn.Dense(6), nn.Dropout(0.5)) for _ in range(2)]

        def forward(self, x, training):
            return mc.concatenate([part(x, training) for part in self.parts], axis=1)

    model = nn.Sequential(Branches(), input_shape=(5,))
    one, two = (part.layers[0].weight.data for part in model.layers[0].parts)
    assert not (one == two).any()
    dropped = model(np.ones((9, 5), np.float32), training=True).data == 0
    assert (dropped[:, :6] != dropped[:, 6:]).any()
    again = nn.Sequential(Branches(), input_shape=(5,))
    np.testing.assert_array_equal(again.layers[0].parts[1].layers[0].weight.data, two)
    assert model.generators() == [model.rng]


def test_a_nested_model_with_a_seed_of_its_own_keeps_it():
    alone = nn.Sequential(nn.Dense(6), rng=7, input_shape=(5,))
    nested = nn.Sequential(nn.Sequential(nn.Dense(6), rng=7), input_shape=(5,), rng=3)
    np.testing.assert_array_equal(*(next(iter(m.weights().values())) for m in (alone, nested)))


def test_a_forward_that_takes_no_training_is_told_at_once():
    with pytest.raises(TypeError, match=r"Wrong needs a forward\(self, x, training\)"):

        class Wrong(nn.Module):
            def forward(self, x):
                return x


def test_a_block_that_does_not_fit_is_told_when_the_model_is_built():
    class Wants(nn.Module):
        def __init__(self):
            self.conv = nn.Conv2D(2, 3)

        def forward(self, x, training):
            return self.conv(x, training)

    with pytest.raises(ShapeError, match=r"Wants 'wants': .* must be images .* \('N', 5\)"):
        nn.Sequential(Wants(), nn.Dense(2), input_shape=(5,))


# ------------------------------------------------------------------ layers put in later


@pytest.mark.parametrize("put", ["in place", "appended", "as a new list"])
def test_a_layer_put_in_later_is_built_from_the_models_seed(put):
    def model():
        model = nn.Sequential(nn.Flatten(), nn.Dense(6), nn.Dense(2), input_shape=(4, 4, 1))
        if put == "in place":
            model.layers[2] = nn.Dense(3)
        elif put == "appended":
            model.layers.append(nn.Dense(3))
        else:
            model.layers = [*model.layers[:-1], nn.Dense(3)]
        return model

    one, two = model(), model()
    assert one.outputs == 3
    assert one.summary() == two.summary()
    assert one.weights().keys() == {t for t, _ in two.named_tensors()}
    for name, value in one.weights().items():
        np.testing.assert_array_equal(value, two.weights()[name], err_msg=name)
    kept = one.layers[1].weight.data.copy()
    history = mc.fit(one, pictures(), epochs=1, batch_size=10, **QUIET)
    assert history["loss"] == mc.fit(two, pictures(), epochs=1, batch_size=10, **QUIET)["loss"]
    assert (one.layers[1].weight.data != kept).any()


def test_a_layer_put_into_a_block_later_is_built_before_it_is_asked_for():
    def weights():
        model = nn.Sequential(Block(), input_shape=(5,))
        model.layers[0].narrow = nn.Sequential(nn.Dense(4), nn.ReLU(), nn.Dense(2))
        assert len(model.parameters()) == 8
        return model.weights()

    one, two = weights(), weights()
    assert {n for n in one if "narrow" in n} == {
        f"block.narrow.{layer}.{w}" for layer in ("dense", "dense_1") for w in ("weight", "bias")
    }
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def test_a_layer_put_in_later_that_does_not_fit_is_refused():
    model = nn.Sequential(nn.Dense(6), nn.Dense(2), input_shape=(5,))
    model.layers[0] = nn.Dense(7)
    with pytest.raises(ShapeError, match=r"Dense 'dense_1': .*\(1, 7\).*\(6, 2\)"):
        model(images(3, 5))


# ------------------------------------------------------------------ shared by two models


def test_two_models_that_share_a_layer_train_it_both():
    trunk = nn.Dense(4, "relu")
    one = nn.Sequential(nn.Flatten(), trunk, nn.Dense(3), input_shape=(4, 4, 1))
    two = nn.Sequential(nn.Flatten(), trunk, nn.Dense(2), input_shape=(4, 4, 1))
    assert one.parameters()[:2] == two.parameters()[:2]
    before = trunk.weight.data.copy()
    mc.fit(one, pictures(), epochs=1, batch_size=10, **QUIET)
    after = two.weights()["dense.weight"]
    assert (after != before).any()
    np.testing.assert_array_equal(after, trunk.weight.data)


def test_a_shared_layer_that_does_not_fit_the_second_model_is_refused():
    trunk = nn.Dense(4)
    nn.Sequential(trunk, input_shape=(5,))
    with pytest.raises(ShapeError, match=r"Dense 'dense': .*\(1, 6\).*\(5, 4\)"):
        nn.Sequential(trunk, input_shape=(6,))


def test_a_layer_twice_in_a_sequential_is_refused_for_what_it_is():
    layer = nn.Dense(4)
    with pytest.raises(ShapeError, match="a layer stands twice in the model: dense"):
        nn.Sequential(layer, nn.ReLU(), layer)


@pytest.mark.parametrize("make", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_is_a_model_of_its_own(make):
    model = nn.Sequential(
        nn.Flatten(), nn.Dense(6, "relu"), nn.BatchNorm(), nn.Dropout(0.5), nn.Dense(3)
    )
    model.ensure_built((4, 4, 1))
    model.layers[1].trainable = False
    twin = make(model)
    assert twin.summary() == model.summary()
    assert twin.generators() == [twin.rng]
    before = model.weights()
    settings = {"epochs": 2, "batch_size": 10, **QUIET}
    first = mc.fit(twin, pictures(), **settings)["loss"]
    for name, value in model.weights().items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    assert mc.fit(model, pictures(), **settings)["loss"] == first


def test_a_layer_shared_inside_a_model_is_shared_inside_its_copy():
    layer = Times()
    twin = copy.deepcopy(Holding(a=layer, b=[layer]))
    assert twin.a is twin.b[0] is not layer
    assert twin.parameter_count() == 1


# ------------------------------------------------------------------ frozen weights


def frozen_below():
    """A model whose first dense layer and batch normalisation are frozen."""
    model = nn.Sequential(
        nn.Flatten(),
        nn.Dense(6, "relu", name="below"),
        nn.BatchNorm(momentum=0.5, name="norm"),
        nn.ReLU(),
        nn.Dense(3, name="above"),
        input_shape=(4, 4, 1),
    )
    model.layers[1].trainable = model.layers[2].trainable = False
    return model


@pytest.mark.parametrize("ema", [0.0, 0.5])
def test_training_leaves_frozen_weights_as_they_are(ema):
    model = frozen_below()
    before = model.weights()
    optimizer = optim.AdamW(0.1, weight_decay=0.5)
    mc.fit(
        model,
        pictures(),
        optimizer=optimizer,
        epochs=2,
        batch_size=10,
        ema=ema,
        **QUIET,
    )
    for name, value in model.weights().items():
        assert (value == before[name]).all() == (not name.startswith("above")), name
    assert all(p.grad is None for p in model.layers[1].modules() for p in (p.weight, p.bias))


def test_frozen_weights_are_counted_as_not_trainable():
    model = frozen_below()
    below, norm, above = 16 * 6 + 6, 4 * 6, 6 * 3 + 3
    assert model.parameter_count() == above
    assert len(model.parameters()) == 2
    lines = model.summary().splitlines()[-3:]
    assert [line.split(" (")[0].split(": ")[1] for line in lines] == [
        str(below + norm + above),
        str(above),
        str(below + norm),
    ]
    assert [row.parameters for row in model.layer_rows()] == [0, below, norm, 0, above]


def test_weights_given_to_the_optimizer_before_they_were_frozen_are_left_alone():
    """As a loop written by hand has them."""
    model = frozen_below()
    model.trainable = True
    parameters = model.parameters()
    assert len(parameters) == 6
    model(images(5, 4, 4, 1), training=True).sum().backward()
    model.layers[1].trainable = False
    below = model.layers[1].weight.data.copy()
    optim.SGD(0.1, weight_decay=0.5).step(parameters)
    np.testing.assert_array_equal(model.layers[1].weight.data, below)


def test_frozen_batch_normalisation_goes_by_its_averages_in_training():
    """Keras's rule: https://keras.io/guides/transfer_learning ("inference mode")."""
    model = frozen_below()
    model.set_weights({n: v + 0.5 for n, v in model.weights().items()})
    x, before = images(7, 4, 4, 1), model.weights()
    np.testing.assert_allclose(model(x, training=True).data, model(x).data, rtol=1e-5)
    recalibrate_batch_norm(model, [x])
    for name, value in model.weights().items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    model.trainable = True
    assert (model(x, training=True).data != model(x).data).any()
    assert (model.weights()["norm.moving_mean"] != before["norm.moving_mean"]).any()


def test_gradients_pass_through_a_frozen_layer_to_those_below():
    layers = nn.Dense(4, "relu"), nn.Dense(4), nn.Dense(2)
    x = images(6, 5)

    def gradient(frozen):
        for layer in layers:
            layer.name = None
        model = nn.Sequential(*layers, input_shape=(5,))
        layers[1].trainable = not frozen
        model.zero_grad()
        model(x, training=True).sum().backward()
        assert (layers[1].weight.grad is None) == frozen
        return layers[0].weight.grad

    np.testing.assert_array_equal(gradient(frozen=True), gradient(frozen=False))


def test_freezing_reaches_all_that_is_inside_whenever_it_is_built():
    early, late = blocks(input_shape=(4, 4, 1)), blocks()
    early.layers[1].trainable = late.layers[1].trainable = False
    late.ensure_built((4, 4, 1))
    for model in (early, late):
        assert not model.layers[1].inner.norm.trainable
        assert model.parameters() == [model.layers[3].weight, model.layers[3].bias]
    assert early.weights().keys() == late.weights().keys()


def test_thawing_gives_back_the_weights_that_were_trained_and_no_others():
    model = frozen_below()
    by_hand = model.layers[4].bias
    by_hand.requires_grad = False
    model.trainable = False
    assert model.parameters() == []
    model.trainable = False
    model.trainable = True
    names = {name for name, tensor in model.named_tensors() if tensor.requires_grad}
    assert names == {"below.weight", "below.bias", "norm.gamma", "norm.beta", "above.weight"}


def test_a_model_without_trainable_weights_is_not_trained():
    model = frozen_below()
    model.trainable = False
    with pytest.raises(MinicnnError, match="no trainable weights"):
        mc.fit(model, pictures(), batch_size=10, **QUIET)


# ------------------------------------------------------------------ files


def test_what_is_frozen_is_frozen_in_the_file(tmp_path):
    model = frozen_below()
    save_model(tmp_path / "model.npz", model)
    loaded = load_model(tmp_path / "model.npz")
    assert [layer.trainable for layer in loaded.layers] == [True, False, False, True, True]
    assert loaded.summary() == model.summary()
    (tmp_path / "model.h5").write_bytes(h5_bytes(model))
    keras = read_h5(tmp_path / "model.h5")
    assert [layer.trainable for layer in keras.layers] == [True, False, False, True, True]
    model.trainable = False
    (tmp_path / "model.h5").write_bytes(h5_bytes(model))  # whose softmax is put in and taken out
    assert read_h5(tmp_path / "model.h5").parameters() == []


@pytest.mark.parametrize("twice", [False, True], ids=["a trunk", "a whole member"])
def test_members_of_an_ensemble_share_in_the_file_what_they_share(twice, tmp_path):
    trunk = [nn.Flatten(), nn.Dense(6, "relu", name="trunk")]
    members = [nn.Sequential(*trunk, nn.Dense(3), input_shape=(4, 4, 1), rng=i) for i in (0, 1)]
    model = ensemble([members[0]] * 2 if twice else members)
    below, above = 16 * 6 + 6, 6 * 3 + 3
    assert model.parameter_count() == below + (above if twice else 2 * above)
    save_model(tmp_path / "model.npz", model)
    loaded = load_model(tmp_path / "model.npz")
    assert loaded.parameter_count() == model.parameter_count()
    one, two = loaded.layers[0].members
    assert one.layers[1] is two.layers[1]
    x = images(5, 4, 4, 1)
    np.testing.assert_array_equal(loaded(x).data, model(x).data)
    assert loaded.config() == model.config()


class Tied(nn.Module):
    """A layer that is used twice, one that is frozen, dropout, and a nested model."""

    def __init__(self):
        self.first, self.tied = nn.Dense(6, "tanh"), nn.Dense(6, "tanh")
        self.first.trainable = False
        self.parts = [self.tied, nn.Dropout(0.3), self.tied, nn.Sequential(nn.Dense(3))]

    def forward(self, x, training):
        x = self.first(x.reshape(x.shape[0], -1))
        for part in self.parts:
            x = part(x, training)
        return x


def test_a_stopped_training_of_tied_and_frozen_layers_goes_on_bit_for_bit(tmp_path):
    def run(path, epochs, resume=False):
        model = Tied()
        settings = {"epochs": epochs, "batch_size": 10, "ema": 0.5, **QUIET}
        mc.fit(model, pictures(), callbacks=[Checkpoint(path, resume)], **settings)
        return model.weights()

    whole = run(tmp_path / "whole.npz", 4)
    run(tmp_path / "stopped.npz", 2)
    resumed = run(tmp_path / "stopped.npz", 4, resume=True)
    assert len(whole) == 6
    for name, value in whole.items():
        np.testing.assert_array_equal(resumed[name], value, err_msg=name)


class Dense(nn.Dense):
    """A layer of one's own under a name that is known."""


class Trained(nn.Sequential):
    def forward(self, x, training):
        return super().forward(x * 2, training)


@pytest.mark.parametrize(
    "model", [nn.Sequential(Dense(3), input_shape=(2,)), Trained(nn.Dense(3), input_shape=(2,))]
)
def test_what_only_looks_like_our_own_is_not_saved_as_such(model, tmp_path):
    with pytest.raises(MinicnnError, match=r"unknown (layer 'Dense'|model 'Trained')"):
        save_model(tmp_path / "model.npz", model)
    assert not [*tmp_path.iterdir()]
