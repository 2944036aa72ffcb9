"""Micro-kernels in LLVM vector instructions: all heavy work passes through them.

A micro-kernel keeps its sums in vector registers while it runs along the long dimension, so that a
number is loaded once and used many times; this is what makes a matrix product fast, and what a
compiler does not find by itself in plain loops. Everything else is ordinary Python for numba, which
only tells a micro-kernel where its operands lie: an array, and offsets into it counted in elements.

Vectors have `WIDTH` elements of float32 or float64. A machine with shorter vectors computes them in
pieces, so every width is right everywhere.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_features = llvm.get_host_cpu_features()
WIDTH = 16 if _features.get("avx512f") else 8
"""Elements of a vector: a register of float32 where there is AVX-512, or AVX2."""

MR, NV = 6, 2
"""A tile is MR rows by NV vectors: 12 sums, 2 weights, 1 input fill 15 of AVX2's 16 registers."""

NR = NV * WIDTH
"""Columns of a tile; weights are packed into panels of so many columns."""

SPAN = 96
"""Elements that a step of `gather` or `scatter` handles: a line of 3 pixels of 32 channels."""

BAND = 112
"""The same for `gather_band`: 14 vectors of 8, with the gain all that AVX2's registers hold."""

_I32, _I64 = ir.IntType(32), ir.IntType(64)


class Emit:
    """Writes vector instructions into the function that numba is compiling."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any):
        self.builder, self.target = builder, context.target_data
        arrays = [t for t in signature.args if isinstance(t, types.Array)]
        self.vector = ir.VectorType(context.get_data_type(arrays[0].dtype), WIDTH)
        self.operands = [
            context.make_array(t)(context, builder, value).data
            if isinstance(t, types.Array)
            else context.cast(builder, value, t, types.int64)
            for t, value in zip(signature.args, args, strict=True)
        ]

    def at(self, pointer: Any, offset: Any) -> Any:
        """Return the address `offset` elements further on."""
        return self.builder.gep(pointer, [self.number(offset)])

    def number(self, value: Any) -> Any:
        return ir.Constant(_I64, value) if isinstance(value, int) else value

    def entry(self, table: Any, index: Any) -> Any:
        """Return an offset out of a table."""
        return self.builder.load(self.at(table, index))

    def load(self, pointer: Any) -> Any:
        pointer = self.builder.bitcast(pointer, self.vector.as_pointer())
        return self.builder.load(pointer, align=4)

    def store(self, value: Any, pointer: Any) -> None:
        pointer = self.builder.bitcast(pointer, value.type.as_pointer())
        self.builder.store(value, pointer, align=4)

    def load_some(self, pointer: Any, count: Any, kind: Any = None) -> Any:
        """Load the first `count` elements, with zeros behind them; nothing behind them is
        touched.
        """
        kind = kind or self.vector
        wanted = self._first(count)
        pointer = self.builder.bitcast(pointer, kind.as_pointer())
        types_ = [kind.as_pointer(), _I32, wanted.type, kind]
        function = self._masked("load", kind, ir.FunctionType(kind, types_))
        four = ir.Constant(_I32, 4)
        return self.builder.call(function, [pointer, four, wanted, ir.Constant(kind, [0] * WIDTH)])

    def store_some(self, value: Any, pointer: Any, count: Any) -> None:
        """Store the first `count` elements of a vector."""
        wanted = self._first(count)
        pointer = self.builder.bitcast(pointer, value.type.as_pointer())
        types_ = [value.type, value.type.as_pointer(), _I32, wanted.type]
        function = self._masked("store", value.type, ir.FunctionType(ir.VoidType(), types_))
        self.builder.call(function, [value, pointer, ir.Constant(_I32, 4), wanted])

    def _first(self, count: Any) -> Any:
        """Return a mask that is true in the first `count` places."""
        places = ir.Constant(ir.VectorType(_I64, WIDTH), list(range(WIDTH)))
        return self.builder.icmp_signed("<", places, self.spread(count))

    def _masked(self, what: str, kind: Any, function: Any) -> Any:
        name = f"llvm.masked.{what}.v{WIDTH}{kind.element.intrinsic_name}.p0"
        return cgutils.get_or_insert_function(self.builder.module, function, name)

    def spread(self, value: Any) -> Any:
        """One number in every place of a vector."""
        undefined = ir.Constant(ir.VectorType(value.type, WIDTH), ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.Constant(_I32, 0))
        from_there = ir.Constant(ir.VectorType(_I32, WIDTH), [0] * WIDTH)
        return self.builder.shuffle_vector(first, undefined, from_there)

    def broadcast(self, pointer: Any) -> Any:
        """Put the number at an address in every place of a vector."""
        return self.spread(self.builder.load(pointer))

    def sums(self, count: int, kind: Any = None) -> list[Any]:
        """So many vectors that change; LLVM moves them from the stack into registers."""
        return [cgutils.alloca_once(self.builder, kind or self.vector) for _ in range(count)]

    def add_product(self, total: Any, x: Any, y: Any) -> None:
        """``total += x * y`` for each place of the vectors, rounded once."""
        name = f"llvm.fma.v{WIDTH}{self.vector.element.intrinsic_name}"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        fma = cgutils.get_or_insert_function(self.builder.module, kind, name)
        self.builder.store(self.builder.call(fma, [x, y, self.builder.load(total)]), total)

    def times(self, count: Any) -> Any:
        """Emit a loop that runs `count` times."""
        return cgutils.for_range(self.builder, self.number(count), intp=_I64)

    def if_full(self, columns: Any) -> Any:
        """Two blocks: for a panel that is full, and for one with fewer columns."""
        return self.builder.if_else(self.builder.icmp_signed(">=", columns, self.number(NR)))


def micro_kernel(body: Callable[..., None]) -> Callable[..., None]:
    """Make ``body(emit, *operands)`` a function that compiled code can call."""

    def call(typing, *operands):
        def generate(context, builder, signature, args):
            emit = Emit(context, builder, signature, args)
            body(emit, *emit.operands)
            return context.get_dummy_value()

        return types.void(*operands), generate

    # numba wants to know the arguments by name: those of the body, the typing context as the first.
    _, *names = inspect.signature(body).parameters.values()
    context = inspect.Parameter("typing", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    call.__signature__ = inspect.Signature([context, *names])  # type: ignore[attr-defined]
    return intrinsic(call)


def _places(count: int) -> Iterator[int]:
    yield from range(0, count, WIDTH)


@micro_kernel
def tile(e, a, a0, rows, r0, outer, outer_step, inner, inner_step, b, b0, c, c0, more):
    """MR rows by NR columns of a matrix product, whose left side may be windows of an image.

    ``c[c0 + i*NR + j] (+)= sum over o < outer, k < inner of
    a[a0 + rows[r0 + i] + o*outer_step + k*inner_step] * b[b0 + (o*inner + k)*NR + j]``,
    added to what is in `c` if `more`, else in its place. The sum begins at 0 even then: many short
    sums, added up, are closer to the truth than a single long one.
    """
    sums = [e.sums(NV) for _ in range(MR)]
    for total in (total for row in sums for total in row):
        e.builder.store(ir.Constant(e.vector, [0.0] * WIDTH), total)
    starts = [e.at(e.at(a, a0), e.entry(rows, e.builder.add(r0, e.number(i)))) for i in range(MR)]
    with e.times(outer) as o:
        lines = [e.at(start, e.builder.mul(o.index, outer_step)) for start in starts]
        panel = e.at(e.at(b, b0), e.builder.mul(e.builder.mul(o.index, inner), e.number(NR)))
        with e.times(inner) as k:
            step = e.builder.mul(k.index, inner_step)
            weights = e.at(panel, e.builder.mul(k.index, e.number(NR)))
            weights = [e.load(e.at(weights, v)) for v in _places(NR)]
            for row, line in zip(sums, lines, strict=True):
                x = e.broadcast(e.at(line, step))
                for total, weight in zip(row, weights, strict=True):
                    e.add_product(total, x, weight)
    goals = [e.at(c, e.builder.add(c0, e.number(i * NR))) for i in range(MR)]
    with e.builder.if_else(e.builder.icmp_signed("!=", more, e.number(0))) as (add, overwrite):
        for block, keeps in ((add, True), (overwrite, False)):
            with block:
                for row, goal in zip(sums, goals, strict=True):
                    for total, v in zip(row, _places(NR), strict=True):
                        value, place = e.builder.load(total), e.at(goal, v)
                        e.store(e.builder.fadd(e.load(place), value) if keeps else value, place)


def _gather(span: int) -> Callable[..., None]:
    @micro_kernel
    def gather(e, x, x0, offsets, gains, first, count, b, b0, c, c0):
        """``c[c0 + j] = b[b0 + j] + sum of gains[i] * x[x0 + offsets[i] + j]``, j < span.

        There are `count` products, i from `first` on. As in `tile` the sum begins at 0, and what is
        in `b`, which may be `c`, is added at the end.
        """
        sums = e.sums(span // WIDTH)
        for total in sums:
            e.builder.store(ir.Constant(e.vector, [0.0] * WIDTH), total)
        with e.times(count) as i:
            number = e.builder.add(first, i.index)
            start = e.at(e.at(x, x0), e.entry(offsets, number))
            gain = e.broadcast(e.at(gains, number))
            for total, v in zip(sums, _places(span), strict=True):
                e.add_product(total, gain, e.load(e.at(start, v)))
        for total, v in zip(sums, _places(span), strict=True):
            before = e.load(e.at(e.at(b, b0), v))
            e.store(e.builder.fadd(before, e.builder.load(total)), e.at(e.at(c, c0), v))

    return gather


gather, gather_band = _gather(SPAN), _gather(BAND)


@micro_kernel
def scatter(e, w, w0, offsets, gains, first, count, x, x0):
    """``x[x0 + offsets[i] + j] += gains[i] * w[w0 + j]``, j < SPAN, for count i from first on."""
    weights = [e.load(e.at(w, e.builder.add(w0, e.number(v)))) for v in _places(SPAN)]
    (total,) = e.sums(1)
    with e.times(count) as i:
        number = e.builder.add(first, i.index)
        start = e.at(e.at(x, x0), e.entry(offsets, number))
        gain = e.broadcast(e.at(gains, number))
        for weight, v in zip(weights, _places(SPAN), strict=True):
            e.builder.store(e.load(e.at(start, v)), total)
            e.add_product(total, gain, weight)
            e.store(e.builder.load(total), e.at(start, v))


@micro_kernel
def move(e, x, x0, x_apart, lines, columns, y, y0, y_apart):
    """``y[y0 + i*y_apart + j] = x[x0 + i*x_apart + j]`` for i < lines, j < columns <= NR."""
    with e.times(lines) as i:
        start = e.at(e.at(x, x0), e.builder.mul(i.index, x_apart))
        goal = e.at(e.at(y, y0), e.builder.mul(i.index, y_apart))
        with e.if_full(columns) as (full, partial):
            with full:
                for v in _places(NR):
                    e.store(e.load(e.at(start, v)), e.at(goal, v))
            with partial:
                for v in _places(NR):
                    left = e.builder.sub(columns, e.number(v))
                    e.store_some(e.load_some(e.at(start, v), left), e.at(goal, v), left)


@micro_kernel
def keep_largest(e, x, x0, groups, members, bias, b0, relu, columns, y, winner, y0, y_apart):
    """Emit what follows a convolution: pooling, bias, ReLU, for one panel of its output.

    Of the `members` lines of each group of `x`, NR numbers each, the largest: plus bias, with ReLU
    if `relu`, to ``y[y0 + group*y_apart + j]``; and with more than one member its number to
    `winner` at the same place. Of equal ones the first; NaN stays NaN.
    """
    whole = ir.VectorType(_I32, WIDTH)
    best, who = e.sums(NV), e.sums(NV, whole)
    biases = [e.load(e.at(e.at(bias, b0), v)) for v in _places(NR)]
    zero = ir.Constant(e.vector, [0.0] * WIDTH)
    lowest = ir.Constant(e.vector, [float("-inf")] * WIDTH)
    floor = e.builder.select(e.builder.icmp_signed("!=", relu, e.number(0)), zero, lowest)
    many = e.builder.icmp_signed(">", members, e.number(1))
    with e.times(groups) as group:
        lines = e.builder.mul(e.builder.mul(group.index, members), e.number(NR))
        first = e.at(e.at(x, x0), lines)
        for b, w, v in zip(best, who, _places(NR), strict=True):
            e.builder.store(e.load(e.at(first, v)), b)
            e.builder.store(ir.Constant(whole, [0] * WIDTH), w)
        with e.times(members) as member:
            number = e.spread(e.builder.trunc(member.index, _I32))
            line = e.at(first, e.builder.mul(member.index, e.number(NR)))
            for b, w, v in zip(best, who, _places(NR), strict=True):
                value = e.load(e.at(line, v))
                nan = e.builder.fcmp_unordered("uno", value, value)
                more = e.builder.or_(nan, e.builder.fcmp_ordered(">", value, e.builder.load(b)))
                e.builder.store(e.builder.select(more, number, e.builder.load(w)), w)
                e.builder.store(e.builder.select(more, value, e.builder.load(b)), b)
        place = e.builder.add(y0, e.builder.mul(group.index, y_apart))
        for b, extra in zip(best, biases, strict=True):
            value = e.builder.fadd(e.builder.load(b), extra)
            low = e.builder.fcmp_ordered("<", value, floor)
            e.builder.store(e.builder.select(low, floor, value), b)
        with e.if_full(columns) as (full, partial):
            with full:
                for b, v in zip(best, _places(NR), strict=True):
                    e.store(e.builder.load(b), e.at(e.at(y, place), v))
            with partial:
                for b, v in zip(best, _places(NR), strict=True):
                    left = e.builder.sub(columns, e.number(v))
                    e.store_some(e.builder.load(b), e.at(e.at(y, place), v), left)
        with e.builder.if_then(many), e.if_full(columns) as (full, partial):
            with full:
                for w, v in zip(who, _places(NR), strict=True):
                    e.store(e.builder.load(w), e.at(e.at(winner, place), v))
            with partial:
                for w, v in zip(who, _places(NR), strict=True):
                    left = e.builder.sub(columns, e.number(v))
                    e.store_some(e.builder.load(w), e.at(e.at(winner, place), v), left)


@micro_kernel
def only_where(e, x, winner, x0, number, columns, y, y0):
    """``y[y0 + j] = x[x0 + j] if winner[x0 + j] == number else 0`` for j < NR; 0 past columns."""
    whole = ir.VectorType(_I32, WIDTH)
    wanted = e.spread(e.builder.trunc(number, _I32))
    zero = ir.Constant(e.vector, [0.0] * WIDTH)
    for v in _places(NR):
        left = e.builder.sub(columns, e.number(v))
        who = e.load_some(e.at(e.at(winner, x0), v), left, whole)
        value = e.load_some(e.at(e.at(x, x0), v), left)
        same = e.builder.icmp_signed("==", who, wanted)
        e.store(e.builder.select(same, value, zero), e.at(e.at(y, y0), v))


@micro_kernel
def copy_run(e, x, x0, count, y, y0):
    """``y[y0 + i] = x[x0 + i]`` for i < count."""
    size = e.vector.element.get_abi_size(e.target)
    cgutils.raw_memcpy(e.builder, e.at(y, y0), e.at(x, x0), count, size)
