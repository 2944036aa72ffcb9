"""`Walk`: what ``backward`` does, tensor by tensor, in the terminal."""

import sys
from collections import defaultdict
from typing import Any

from minicnn.insight.formatting import Names, brief, called, names_by_id
from minicnn.tape import Array, Step


class Walk:
    """Print every step of a ``backward``: the op, its gradient, and what it sends to whom.

    - `names`: what tensors are called: a model, or a tensor for each name.
    - `pause`: wait for the Enter key after each step ("q" runs on to the end); by default if
      somebody sits there to press it.

    A walk is for one ``backward``.

    >>> from minicnn import Tensor
    >>> a = Tensor([2.0], requires_grad=True)
    >>> (a * a + a).backward(watch=Walk({"a": a}))
    step 1  add (1,): value [6]
        gradient [1]: the start
        to multiply (1,): [1]
        to a (1,): [1]
    step 2  multiply (1,): value [4]
        gradient [1]: from add
        to a (1,): [2]
        to a (1,): [2]
    step 3  a (1,), leaf: value [2]
        gradient [5]: 3 shares added up: [1] from add, [2] from multiply, [2] from multiply
        kept in .grad
    """

    def __init__(self, names: Names = None, pause: bool | None = None):
        self.names = names_by_id(names)
        self.pause = _somebody_is_there() if pause is None else pause
        self.steps = 0
        self._shares: defaultdict[int, list[tuple[str, Array]]] = defaultdict(list)

    def __call__(self, step: Step) -> None:
        """Print this step."""
        self.steps += 1
        print("\n".join(self._lines(step)))
        if self.pause:
            self._wait()

    def _lines(self, step: Step) -> list[str]:
        tensor, dy, sent = step
        leaf = ", leaf" if tensor.node is None else ""
        value = brief(tensor.data) if tensor.size else "nothing"
        lines = [f"step {self.steps}  {self._called(tensor)}{leaf}: value {value}"]
        lines.append(f"    gradient {brief(dy)}: {self._origin(tensor)}")
        for x, dx in sent:
            lines.append(f"    to {self._called(x)}: {brief(dx)}")
            self._shares[id(x)].append((_op(tensor) or "", dx))
        if tensor.node is None:
            lines.append(f"    {_kept(tensor, dy)}")
        return lines

    def _called(self, tensor: Any) -> str:
        return f"{called(tensor, _op(tensor), self.names)} {tensor.shape}"

    def _origin(self, tensor: Any) -> str:
        """Where the gradient came from."""
        shares = self._shares.pop(id(tensor), [])
        if len(shares) < 2:
            return f"from {shares[0][0]}" if shares else "the start"
        listed = ", ".join(f"{brief(dx)} from {op}" for op, dx in shares)
        return f"{len(shares)} shares added up: {listed}"

    def _wait(self) -> None:
        try:
            self.pause = input("    Enter: next step, q: all of them ").strip().lower() != "q"
        except EOFError:
            self.pause = False


def _op(tensor: Any) -> str | None:
    return tensor.node.op if tensor.node else None


def _kept(leaf: Any, dy: Array) -> str:
    if leaf.grad is dy:
        return "kept in .grad"
    earlier = leaf.grad - dy
    what = f"added to the .grad of an earlier backward, {brief(earlier)}: now {brief(leaf.grad)}"
    return f"{what} (zero_grad() before backward would begin anew)"


def _somebody_is_there() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
