"""What the first lessons show of single numbers, which are arrays without axes."""

import numpy as np
import pytest

from minicnn.learn import explain

from ..lanes import slow_but

OP = "from minicnn.tensor import op\n\n\n@op\ndef {}(a, b):\n    return {}\n"


def test_a_single_number_that_is_wrong_is_shown_beside_the_right_one(checked):
    text = OP.format("multiply", "a * b, lambda dy: 7.5 * dy * b, lambda dy: dy * a")
    shown = explain.explained(checked(1, "multiply", text), 100).plain
    assert "yours" in shown
    assert "difference" in shown


@pytest.mark.parametrize(("name", "body"), [("add", "a + b, {0}, {0}"), ("subtract", "a - b, {0}")])
def test_a_rule_that_leaves_dy_out_is_told_of_the_chain_rule(checked, name, body):
    text = OP.format(name, body.format("lambda dy: 1"))
    result = checked(1 if name == "add" else 2, name, text)
    assert (result.status, "leaves dy out" in result.says) == ("crash", True)


def test_a_misconception_is_named_whether_or_not_its_result_is_a_copy(checked):
    returned = "np.array(np.broadcast_to(reduced, shape))"
    text = (
        "import numpy as np\n\n\ndef spread(reduced, shape, axis):\n"
        "    axis = tuple(range(len(shape))) if axis is None else axis\n"
        f"    reduced = np.expand_dims(reduced, axis)\n    return {returned}\n"
    )
    assert np.broadcast_to(np.ones(2), (3, 2)).base is not None  # what the engine's gives
    assert checked(2, "spread", text).mutant == "kept_axes_forgotten"


@pytest.mark.parametrize("known", slow_but(["seen = set()"], ["seen = set()", "seen = []"]))
def test_tensors_may_be_told_apart_by_themselves(checked, known):
    """A Tensor is equal to itself only, so that a set or a list of them is as good as their ids."""
    add = "add" if "set" in known else "append"
    text = f"""
        def topological_order(root):
            order, stack = [], [(root, False)]
            {known}
            while stack:
                tensor, is_ready = stack.pop()
                if is_ready:
                    order.append(tensor)
                elif tensor not in seen:
                    seen.{add}(tensor)
                    stack.append((tensor, True))
                    inputs = tensor.node.inputs if tensor.node else []
                    stack.extend((each, False) for each in inputs if each.requires_grad)
            return order
    """
    assert checked(1, "topological_order", text).status == "pass"


def test_a_list_of_other_things_than_tensors_is_answered(checked):
    text = "def topological_order(root):\n    return [root.node]\n"
    assert "must hold tensors" in checked(1, "topological_order", text).says
