"""Lessons in which students build the engine themselves, and checks that say what is wrong.

How to write a lesson
---------------------

A lesson is a folder ``lessons/NN_name/`` with four files. Prove it while you write, first without
the notebooks, which takes seconds::

    minicnn teach verify NN --no-notebooks

**lesson.py** is a script in jupytext's percent format. It runs from top to bottom with the engine's
own functions: an exercise cell is nothing but an import, from the module in which the function is
defined. What the student gets in its place is cut from the engine's source: imports, signature,
docstring, job; there is no solution in a lesson. The first markdown heading is the title. ::

    # %% [markdown]
    # # Convolution

    # %% exercise
    from minicnn.kernels.reference.windows import im2col

    # %%
    columns = im2col(x, (2, 2))

**checks.py** has the list `EXERCISES`, in the order of the cells; see `Exercise` for all fields. A
case is a dict of the function's arguments, in the order of its parameters. `draws` has what several
lessons need::

    from minicnn.learn import Case, Exercise, draws

    def draw_im2col(rng, size) -> Case:                 # size 0, 1, 2, …: small cases first
        x, kernel, stride, padding = draws.window(rng, size)
        return {"x": x, "kernel": kernel, "stride": stride, "padding": padding}

    EXERCISES = [
        Exercise(
            "minicnn.kernels.reference.windows:im2col",
            job="lay every window of x out flat.",       # goes on after "Your job: "
            draw=draw_im2col,
        ),
    ]

By default what the function returns is compared, and every argument that is an array, as the call
has left it: so a function that works in place needs nothing more, and one that changes its input by
mistake is caught. Else give `observe`, a function of (function, case) that returns arrays by name:

- `returned_as("y", "winner")` for a function that returns a tuple;
- `value_and_gradients` for an op: the case's last entry is `dy`, a gradient of the value's shape;
- one of your own, where many answers are right, or where the function takes what is no array.

While it runs, the engine's own function raises, so that nobody can let it do the work; so
`observe` calls only the function that it is given. The last case runs once more in float32, so that
a lost dtype is seen, unless ``in_float32=False``. `draws.numbers` gives small whole
numbers with ties and zeros, `draws.reals` normal ones. A function that is not part of the small
model of `training_step` needs `reached_by`, a calculation by the engine that goes through it. While
one exercise is checked, the others of its lesson are the engine's.

**mutants.py** has the dict `MUTANTS`: for each exercise four to eight known misconceptions, each an
edit of the engine's source. The old text must stand in the function exactly once. Two mutants must
differ in some drawn case; what they raise counts too. The sentence is for the student::

    from minicnn.learn import Mutant

    MUTANTS = {
        "col2im": [
            Mutant(
                "last_window_wins",
                [("cell += cols", "cell[...] = cols")],
                "`=` where `+=` is needed: a pixel keeps the gradient of its last window only.",
            ),
        ],
    }

**hints.md** has ``## name`` for each exercise and three hints below it, ``### 1`` the idea,
``### 2`` the shapes, ``### 3`` the steps in words.

A compiled kernel (``minicnn.kernels.fast.pooling:_max_pool2d``) is an exercise like any other, with
``observe=compiled``; give it more `seconds`, for the student's file is compiled after each change.
Its mutants run as plain Python when they are recognised.
"""

from minicnn.learn import draws
from minicnn.learn.exercise import Exercise, Mutant, training_step
from minicnn.learn.observers import Case, compiled, returned, returned_as, value_and_gradients

__all__ = [
    "Case",
    "Exercise",
    "Mutant",
    "compiled",
    "draws",
    "returned",
    "returned_as",
    "training_step",
    "value_and_gradients",
]
