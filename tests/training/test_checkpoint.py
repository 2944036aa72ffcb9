"""Checkpoints: everything comes back bit for bit, and what does not fit changes nothing."""

import contextlib
import copy
import functools
import json
import os
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, optim
from minicnn.data import Dataset
from minicnn.errors import FileError, UnknownNameError, WriteError
from minicnn.nn.layers import LAYERS
from minicnn.tensor import Tensor
from minicnn.training.callbacks import Callback, EarlyStopping, KeepBest, TrainingState
from minicnn.training.checkpoint import Checkpoint, load_model, save_model

CLASSES = 3


def pictures(count: int, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 6, 6, 1), np.uint8)
    return Dataset(images, rng.integers(0, CLASSES, count), tuple("abc"))


def network(seed: int = 0) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2D(4, 3),
        nn.BatchNorm(momentum=0.8),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Flatten(),
        nn.Dense(8, activation="relu"),
        nn.Dropout(0.4),
        nn.Dense(CLASSES),
        input_shape=(6, 6, 1),
        rng=seed,
    )


def small(seed: int = 0) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Dense(2), input_shape=(2, 1, 1), rng=seed)


def assert_same_arrays(left, right):
    assert list(left) == list(right)
    for name in left:
        assert left[name].dtype == right[name].dtype, name
        np.testing.assert_array_equal(left[name], right[name], err_msg=name)


def contents(path: Path) -> tuple[dict, dict]:
    """What a checkpoint holds, without what a clock decides: (description, arrays)."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    about = json.loads(arrays.pop("about").tobytes())
    for figure in ("seconds", "images_per_second"):
        about["history"].pop(figure, None)
    return about, arrays


def rewrite(path: Path, change) -> None:
    """Change description and arrays of a checkpoint, as somebody with a text editor would."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    about = json.loads(arrays.pop("about").tobytes())
    change(about, arrays)
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(path, about=text, **arrays)


def one_line(error: pytest.ExceptionInfo, path: Path) -> bool:
    return str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)


@contextlib.contextmanager
def largest_file(size: int):
    """Within this block the system lets no file grow beyond `size` bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# --- models: there and back


EVERY_LAYER = [
    nn.Conv2D(4, (3, 2), stride=(1, 2), padding="same", activation="tanh", init="he_normal"),
    nn.BatchNorm(momentum=0.7, epsilon=1e-2),
    nn.MaxPool2D(2, stride=1),
    nn.AveragePool2D((2, 1), padding="same"),
    nn.ReLU(),
    nn.Rescaling((0.5, 1, 2, 4), offset=-1),
    nn.Reshape((9, -1, 4)),
    nn.Dropout(0.25),
    nn.Activation("sigmoid"),
    nn.GlobalAveragePool2D(),
    nn.Flatten(),
    nn.Dense(5, activation="relu", name="hidden"),
    nn.MeanProbability([nn.Sequential(nn.Dense(CLASSES), input_shape=(5,)) for _ in range(2)]),
]


def test_every_kind_of_layer_comes_back(tmp_path):
    assert {type(layer).__name__ for layer in EVERY_LAYER} == set(LAYERS)
    model = nn.Sequential(*copy.deepcopy(EVERY_LAYER), input_shape=(7, 8, 2), rng=1)
    rng = np.random.default_rng(0)
    model.set_weights({n: rng.uniform(0.1, 1, w.shape) for n, w in model.weights().items()})
    model.class_names = ("ä", "b", "c")
    save_model(tmp_path / "model.npz", model)
    loaded = load_model(tmp_path / "model.npz")
    assert loaded.config() == model.config()
    assert loaded.class_names == model.class_names
    assert loaded.summary() == model.summary()
    assert_same_arrays(loaded.weights(), model.weights())
    x = rng.random((5, 7, 8, 2), np.float32)
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


def test_a_model_without_class_names_comes_back_without(tmp_path):
    save_model(tmp_path / "model.npz", small())
    assert load_model(tmp_path / "model.npz").class_names is None


@pytest.mark.parametrize("name", ["model.npz", "model", "model.bin", ".npz", "модель.npz"])
def test_the_file_has_the_name_that_was_given(tmp_path, name):
    save_model(tmp_path / name, small(1))
    assert os.listdir(tmp_path) == [name]
    assert_same_arrays(load_model(tmp_path / name).weights(), small(1).weights())


def test_a_model_that_was_there_is_replaced(tmp_path):
    path = tmp_path / "model.npz"
    save_model(path, small(1))
    save_model(path, small(2))
    assert_same_arrays(load_model(path).weights(), small(2).weights())
    assert os.listdir(tmp_path) == ["model.npz"]


class Twice(nn.Module):
    """A layer of one's own."""

    def build(self, input_shape, rng):
        self.factor = Tensor(np.full(1, 2, np.float32), requires_grad=True)

    def forward(self, x, training):
        return x * self.factor


def with_own_layer() -> nn.Sequential:
    return nn.Sequential(Twice(), nn.Flatten(), nn.Dense(CLASSES), input_shape=(6, 6, 1))


def test_a_model_that_could_not_be_built_again_is_not_saved(tmp_path):
    with pytest.raises(UnknownNameError, match="unknown layer 'Twice'"):
        save_model(tmp_path / "model.npz", with_own_layer())
    assert os.listdir(tmp_path) == []


# --- models: damaged files


def test_a_model_cut_off_anywhere_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    save_model(path, small())
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(FileError) as error:
            load_model(path)
        assert one_line(error, path)


@pytest.mark.parametrize("flips", [[0xFF], [1 << bit for bit in range(8)]])
def test_no_flipped_byte_gives_another_model(tmp_path, flips):
    """Bytes that do not matter, such as a time stamp, may be what they want."""
    path, model = tmp_path / "model.npz", small()
    model.class_names = ("a", "b")
    save_model(path, model)
    whole = path.read_bytes()
    refused = 0
    for place in range(len(whole)):
        damaged = whole[place] ^ flips[place % len(flips)]
        path.write_bytes(whole[:place] + bytes([damaged]) + whole[place + 1 :])
        loaded = None
        with contextlib.suppress(FileError):
            loaded = load_model(path)
        if loaded is None:
            refused += 1
        else:
            assert_same_arrays(loaded.weights(), model.weights())
            assert (loaded.config(), loaded.class_names) == (model.config(), ("a", "b"))
    assert refused > len(whole) / 2


def described(text: bytes, **arrays):
    """Write an archive with this description, in the place of JSON, and these arrays."""
    return lambda path: np.savez(path, about=np.frombuffer(text, np.uint8), **arrays)


def a_single_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.ones(3))


def an_array_without_end_to_its_names(path: Path) -> None:
    """What NumPy has to say about this takes three lines."""
    names = np.dtype([(f"number {i}, and a good deal more", "f4") for i in range(400)])
    np.savez(path, about=np.frombuffer(HEAD, np.uint8), names=np.zeros(1, names))


HEAD = b'{"format": "minicnn 1", "kind": "model"}'
PICKLED = np.array([{"format": "minicnn 1"}, None], object)
FOREIGN = {
    "a folder": Path.mkdir,
    "no bytes": Path.touch,
    "zero bytes": lambda path: path.write_bytes(bytes(1000)),
    "text": lambda path: path.write_text("weights: 1, 2, 3\n" * 10),
    "noise": lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
    "a single array": a_single_array,
    "an array without end to its names": an_array_without_end_to_its_names,
    "somebody else's arrays": lambda path: np.savez(path, weights=np.ones(3)),
    "a pickled description": lambda path: np.savez(path, about=PICKLED),
    "a pickled weight": described(HEAD, **{"weights/dense.bias": PICKLED}),
    "a description that is no JSON": described(b"\xff\x00 weights"),
    "a description that is a list": described(b"[1, 2]"),
    "a description without end": described(b"[" * 100_000),
    "a description without a model": described(HEAD),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_no_model_is_refused(tmp_path, kind):
    path = tmp_path / "model.npz"
    FOREIGN[kind](path)
    with pytest.raises(FileError) as error:
        load_model(path)
    assert one_line(error, path)


def test_a_model_that_is_not_there_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    with pytest.raises(FileError, match="there is no such file") as error:
        load_model(path)
    assert one_line(error, path)


WRONG_MODELS = {
    "another format": lambda about, arrays: about.update(format="minicnn 99"),
    "an unknown layer": lambda about, arrays: about["model"]["layers"][0].update(layer="Rnn"),
    "an unknown setting": lambda about, arrays: about["model"]["layers"][1].update(color=1),
    "a setting that cannot be": lambda about, arrays: about["model"]["layers"][1].update(units=-1),
    "no layers": lambda about, arrays: about["model"].update(layers=[]),
    "layers that are text": lambda about, arrays: about["model"].update(layers="abc"),
    "layers that are numbers": lambda about, arrays: about["model"].update(layers=[1]),
    "a model that is a number": lambda about, arrays: about.update(model=7),
    "names that are a number": lambda about, arrays: about.update(class_names=7),
    "a shape that is too large": lambda about, arrays: about["model"].update(
        input_shape=[2**40, 2**20, 1]
    ),
    "a weight missing": lambda about, arrays: arrays.pop("weights/dense.bias"),
    "a weight too many": lambda about, arrays: arrays.update({"weights/x": np.ones(1)}),
    "a weight of another shape": lambda about, arrays: arrays.update(
        {"weights/dense.bias": np.ones(3, np.float32)}
    ),
    "a weight of text": lambda about, arrays: arrays.update(
        {"weights/dense.bias": np.array(["a", "b"])}
    ),
}


@pytest.mark.parametrize("case", WRONG_MODELS)
def test_a_model_that_does_not_hold_together_is_refused(tmp_path, case):
    path = tmp_path / "model.npz"
    save_model(path, small())
    rewrite(path, WRONG_MODELS[case])
    with pytest.raises(FileError) as error:
        load_model(path)
    assert one_line(error, path)


# --- trainings: as if never stopped


class Killed(BaseException):
    """Not an Exception, so that nothing on the way can take care of it, as of a kill."""


class KillAfter(Callback):
    def __init__(self, batches: int):
        self.left = batches

    def on_batch(self, training: TrainingState) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed


OPTIMIZERS = {
    "adam": lambda: optim.Adam(0.01),
    "adamw": lambda: optim.AdamW(0.01, weight_decay=0.1),
    "sgd": lambda: optim.SGD(0.05),
    "momentum": lambda: optim.SGD(0.05, momentum=0.9),
    "nesterov": lambda: optim.SGD(0.05, momentum=0.9, nesterov=True),
}
BATCHES = 5  # per epoch


def run(path: Path, *, optimizer="adam", resume=False, kill=None, model=None, patience=9):
    """4 epochs of 5 batches with everything that has a memory; gives the model."""
    model = model or network(seed=50 if resume else 0)  # a resumed one gets all from the file
    watchers = [KeepBest(), EarlyStopping(patience), EarlyStopping(9, "val_accuracy")]
    if kill is not None:
        watchers.append(KillAfter(kill))
    with contextlib.suppress(Killed) if kill is not None else contextlib.nullcontext():
        mc.fit(
            model,
            pictures(60),
            optimizer=OPTIMIZERS[optimizer](),
            epochs=4,
            batch_size=11,
            validation=0.2,
            schedule=optim.cosine,
            clip_norm=1.0,
            rng=3,
            progress=False,
            callbacks=[*watchers, Checkpoint(path, resume)],
        )
    return model


def assert_same_run(left: Path, right: Path) -> None:
    (about, arrays), (other_about, other_arrays) = contents(left), contents(right)
    assert about == other_about
    assert_same_arrays(arrays, other_arrays)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """By optimizer, the checkpoint and the model of a training that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")

    @functools.cache
    def never_stopped(optimizer: str) -> tuple[Path, nn.Sequential]:
        path = folder / f"{optimizer}.npz"
        return path, run(path, optimizer=optimizer)

    return never_stopped


def assert_as_never_stopped(path: Path, resumed: nn.Module, whole, optimizer="adam") -> None:
    other, model = whole(optimizer)
    assert_same_run(path, other)
    assert_same_arrays(resumed.weights(), model.weights())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_stopped_and_resumed_is_bit_for_bit_as_never_stopped(tmp_path, whole, optimizer):
    path = tmp_path / "last.npz"
    run(path, optimizer=optimizer, kill=BATCHES + 2)
    assert len(contents(path)[0]["history"]["loss"]) == 1, "killed in epoch 2"
    resumed = run(path, optimizer=optimizer, resume=True)
    assert_as_never_stopped(path, resumed, whole, optimizer)


@pytest.mark.parametrize("kill", [0, 3, BATCHES, 3 * BATCHES + 4])
def test_it_may_be_stopped_anywhere(tmp_path, whole, kill):
    path = tmp_path / "last.npz"
    run(path, kill=kill)
    assert_as_never_stopped(path, run(path, resume=True), whole)


def test_it_may_be_stopped_in_every_epoch(tmp_path, whole):
    path = tmp_path / "last.npz"
    run(path, kill=BATCHES + 1)
    run(path, kill=BATCHES + 1, resume=True)
    run(path, kill=1, resume=True)
    assert_as_never_stopped(path, run(path, resume=True), whole)


def test_a_finished_training_resumed_gives_the_best_weights_again(tmp_path, whole):
    path = shutil.copy(whole("adam")[0], tmp_path / "last.npz")
    assert_as_never_stopped(path, run(path, resume=True), whole)


def test_what_early_stopping_has_stopped_stays_stopped(tmp_path):
    path = tmp_path / "last.npz"

    def train(resume: bool) -> int:
        callbacks = [EarlyStopping(1), Checkpoint(path, resume)]
        history = mc.fit(
            network(),
            pictures(60),
            optimizer=optim.SGD(1e-12),
            epochs=9,
            batch_size=10,
            validation=pictures(20, seed=1),
            callbacks=callbacks,
            progress=False,
            rng=1,
        )
        return history.epochs

    epochs = train(resume=False)
    assert epochs < 9
    assert train(resume=True) == epochs


def test_two_callbacks_of_a_kind_have_their_own_memory(saved):
    memories = contents(saved)[0]["callbacks"]
    assert set(memories) == {"KeepBest", "EarlyStopping", "EarlyStopping 1"}
    assert memories["EarlyStopping"]["best"] < 0 < memories["EarlyStopping 1"]["best"]
    loss, accuracy = EarlyStopping(9), EarlyStopping(9, "val_accuracy")
    mc.fit(
        network(),
        pictures(60),
        epochs=2,
        batch_size=11,
        validation=0.2,
        progress=False,
        callbacks=[KeepBest(), loss, accuracy, Checkpoint(saved, resume=True)],
    )
    assert [loss.state(), accuracy.state()] == [
        memories["EarlyStopping"],
        memories["EarlyStopping 1"],
    ]


class Own(nn.Module):
    def build(self, input_shape, rng):
        self.norm, self.drop, self.last = nn.BatchNorm(), nn.Dropout(0.3), nn.Dense(CLASSES)
        for layer in (self.norm, self.drop, self.last):
            layer.ensure_built((36,), rng)

    def forward(self, x, training):
        x = self.drop(self.norm(x.reshape(x.shape[0], -1), training), training)
        return self.last(x, training)


@pytest.mark.parametrize("make", [Own, with_own_layer])
def test_models_of_ones_own_are_resumed_too(tmp_path, make):
    whole, stopped = tmp_path / "whole.npz", tmp_path / "stopped.npz"
    model = run(whole, model=make())
    run(stopped, model=make(), kill=BATCHES + 2)
    resumed = run(stopped, model=make(), resume=True)
    assert_same_run(stopped, whole)
    assert_same_arrays(resumed.weights(), model.weights())


# --- trainings: what does not fit changes nothing


class Untouched:
    """A training ready to start, which can say whether anything of it has changed."""

    def __init__(self, model=None, optimizer=None, epochs=4):
        self.model = model or network(seed=7)
        self.optimizer = optimizer or optim.Adam(0.01)
        self.rng, self.epochs = np.random.default_rng(8), epochs
        self.callbacks = [KeepBest(), EarlyStopping(9)]
        self.before = self.all()

    def all(self):
        states = [copy.deepcopy(c.state()) for c in self.callbacks]
        generators = [g.bit_generator.state for g in (self.rng, *self.model.generators())]
        names = self.model.class_names
        return states, generators, names, self.optimizer.steps, self.optimizer.state()

    def refuses(self, path: Path) -> pytest.ExceptionInfo:
        weights = self.model.weights()
        there = path.read_bytes() if path.is_file() else None
        with pytest.raises(FileError) as error:
            mc.fit(
                self.model,
                pictures(60),
                optimizer=self.optimizer,
                epochs=self.epochs,
                batch_size=11,
                validation=pictures(20, seed=1),
                rng=self.rng,
                progress=False,
                callbacks=[*self.callbacks, Checkpoint(path, resume=True)],
            )
        assert_same_arrays(self.model.weights(), weights)
        assert self.all() == self.before
        assert (path.read_bytes() if path.is_file() else None) == there
        assert os.listdir(path.parent) in ([], [path.name])
        assert one_line(error, path)
        return error


@pytest.fixture(scope="module")
def killed_in_epoch_3(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("killed") / "last.npz"
    run(path, kill=2 * BATCHES + 1)
    return path


@pytest.fixture
def saved(killed_in_epoch_3, tmp_path) -> Path:
    """The checkpoint of a training that was killed in epoch 3, to damage."""
    return shutil.copy(killed_in_epoch_3, tmp_path / "last.npz")


def test_a_training_cut_off_is_refused(saved):
    whole = saved.read_bytes()
    untouched = Untouched()
    for length in np.linspace(0, len(whole) - 1, 20, dtype=int):
        saved.write_bytes(whole[:length])
        assert "damaged or cut off" in str(untouched.refuses(saved).value)


def test_a_training_with_a_damaged_array_is_refused(saved):
    """One bit, in the middle of each array of the file."""
    whole = saved.read_bytes()
    _, arrays = contents(saved)
    untouched = Untouched()
    for name, array in arrays.items():
        header = whole.index(f"{name}.npy".encode())
        place = whole.index(array.tobytes(), header) + array.nbytes // 2
        saved.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert "damaged" in str(untouched.refuses(saved).value)


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_no_training_is_refused(tmp_path, kind):
    FOREIGN[kind](tmp_path / "last.npz")
    error = Untouched().refuses(tmp_path / "last.npz")
    said = str(error.value).removeprefix(f"{tmp_path / 'last.npz'}: ")
    known = "not a file of minicnn", "holds no training in the format", "cannot be read", "an array"
    assert said.startswith(known)


def test_a_training_that_is_not_there_is_refused(tmp_path):
    error = Untouched().refuses(tmp_path / "last.npz")
    assert "there is no such file" in str(error.value)


def test_a_model_is_no_training_and_a_training_no_model(saved):
    with pytest.raises(FileError, match="holds no model in the format 'minicnn 1'"):
        load_model(saved)
    save_model(saved, network())
    assert "holds no training" in str(Untouched().refuses(saved).value)


def test_another_architecture_is_refused(saved):
    wider = nn.Sequential(
        *[type(layer)(**layer.config()) for layer in network().layers[:-3]],
        nn.Dense(9, activation="relu"),
        nn.Dropout(0.4),
        nn.Dense(CLASSES),
        input_shape=(6, 6, 1),
    )
    assert "another architecture" in str(Untouched(wider).refuses(saved).value)


def test_another_dropout_rate_is_another_architecture(saved):
    other = network()
    other.layers[3].rate = 0.5
    assert "another architecture" in str(Untouched(other).refuses(saved).value)


def test_the_model_of_somebody_who_wrote_a_class_is_refused(saved):
    model = Own()
    model.ensure_built((6, 6, 1))
    assert "another architecture" in str(Untouched(model).refuses(saved).value)


def test_another_optimizer_is_refused(saved):
    error = Untouched(optimizer=optim.SGD(0.01)).refuses(saved)
    assert "it was trained with Adam, not with SGD" in str(error.value)


def test_fewer_epochs_than_there_are_is_refused(saved):
    error = Untouched(epochs=1).refuses(saved)
    assert "it has 2 epochs, more than the 1 wanted" in str(error.value)


def change(name: str, value):
    return lambda about, arrays: arrays.update({name: value})


WRONG_TRAININGS = {
    "a weight missing": lambda about, arrays: arrays.pop("weights/dense.bias"),
    "a weight of another shape": change("weights/dense_1.bias", np.ones(4, np.float32)),
    "a weight of text": change("weights/dense_1.bias", np.array(["a", "b", "c"])),
    "a moment missing": lambda about, arrays: arrays.pop("optimizer/1.v"),
    "a moment of another shape": change("optimizer/1.v", np.ones(5, np.float32)),
    "a generator missing": lambda about, arrays: about["generators"].pop(),
    "a generator too many": lambda about, arrays: about["generators"].append({}),
    "another kind of generator": lambda about, arrays: about["generators"].__setitem__(
        1, np.random.Generator(np.random.Philox(1)).bit_generator.state["bit_generator"]
    ),
    "a memory without its best": lambda about, arrays: about["callbacks"]["EarlyStopping"].pop(
        "best"
    ),
    "no memories": lambda about, arrays: about.pop("callbacks"),
    "no history": lambda about, arrays: about.pop("history"),
    "a history that is a number": lambda about, arrays: about.update(history=5),
    "no steps": lambda about, arrays: about.pop("steps"),
    "no optimizer": lambda about, arrays: about.pop("optimizer"),
}


@pytest.mark.parametrize("case", WRONG_TRAININGS)
def test_a_training_that_does_not_hold_together_is_refused(saved, case):
    rewrite(saved, WRONG_TRAININGS[case])
    assert "does not fit this training" in str(Untouched().refuses(saved).value)


# --- full disks


def test_a_full_disk_leaves_the_old_model(tmp_path):
    path = tmp_path / "model.npz"
    save_model(path, network(1))
    before = path.read_bytes()
    for room in (0, 1, 500, len(before) // 2, len(before) - 1):
        with largest_file(room), pytest.raises(WriteError, match=f"{path}: cannot be written: "):
            save_model(path, network(2))
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["model.npz"]
    with largest_file(len(before)):
        save_model(path, network(2))
    assert_same_arrays(load_model(path).weights(), network(2).weights())


def test_a_disk_that_fills_up_in_training_leaves_the_last_good_checkpoint(tmp_path, whole):
    """Before the first step there are no moments to save: the first file fits, the second not."""
    path = tmp_path / "last.npz"
    run(path, kill=0)
    room = path.stat().st_size + 100
    path.unlink()
    with largest_file(room), pytest.raises(WriteError, match=f"{path}: cannot be written: "):
        run(path)
    assert os.listdir(tmp_path) == ["last.npz"]
    assert_as_never_stopped(path, run(path, resume=True), whole)


def test_a_missing_folder_is_an_error_before_the_first_step(tmp_path):
    path = tmp_path / "missing" / "last.npz"
    model = network()
    before = model.weights()
    with pytest.raises(WriteError, match="No such file or directory"):
        run(path, model=model)
    assert_same_arrays(model.weights(), before)
