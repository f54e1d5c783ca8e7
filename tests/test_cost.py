"""What a training step costs, counted: NumPy's calls, arrays, operators visited."""

import unittest
from unittest.mock import patch

import numpy as np

from micrograd import Value, engine, nn, operator, optim
from micrograd.engine import new_plan, topology

PENALTY, RATE = 1e-4, 0.1
calls, arrays = [], []


ARRAY, ONES, FULL = np.ndarray, np.ones, np.full


class Counted(ARRAY):
    """An array, each use of which by NumPy is noted, and so are the results."""

    def __array_ufunc__(self, ufunc, method, *operands, **options):
        return noted(getattr(ufunc, method), ufunc.__name__, operands, options)

    def __array_function__(self, function, types, operands, options):
        return noted(function, function.__name__, operands, options)

    def dot(self, other):
        return noted(np.dot, "dot", (self, other), {})


def noted(function, name, operands, options):
    calls.append(name)
    plain = lambda x: x.view(ARRAY) if isinstance(x, Counted) else x
    if "out" in options:
        (out,) = options["out"]
        function(*map(plain, operands), **{**options, "out": plain(out)})
        return out
    result = function(*map(plain, operands), **options)
    if not isinstance(result, ARRAY):
        return result
    if result.base is not None:
        return result.view(Counted)
    arrays.append(result.nbytes)
    order = "C" if result.flags.c_contiguous else "F"
    own = Counted(result.shape, result.dtype, order=order)
    own.view(ARRAY)[...] = result
    return own


def full(*arguments):
    array = FULL(*arguments)
    calls.append("full")
    arrays.append(array.nbytes)
    return array.view(Counted)


def counted(function):
    """The number of NumPy's calls on arrays and the bytes of each array they made."""
    calls.clear()
    arrays.clear()
    function()
    return len(calls), list(arrays)


def new_parameters():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=n).view(Counted) for n in ((2, 16), (16, 16), (16,))]
    return [p for w in weights for p in (w, np.zeros(w.shape[1:]).view(Counted))]


def new_batch():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(100, 2)), rng.choice([-1.0, 1.0], 100)
    return x.view(Counted), y.view(Counted)


def step_by_hand(parameters, x, y):
    """The chain rule, line by line."""
    w1, b1, w2, b2, w3, b3 = parameters
    h1 = np.maximum(np.dot(x, w1) + b1, 0)  # (100, 16)
    h2 = np.maximum(np.dot(h1, w2) + b2, 0)  # (100, 16)
    margin = np.maximum(1 - y * (np.dot(h2, w3) + b3), 0)  # (100,)
    loss = np.add.reduce(margin) / len(y)
    loss += PENALTY * sum(np.add.reduce(p * p, axis=None) for p in parameters)

    by_score = np.where(margin > 0, -1 / len(y), 0) * y  # (100,)
    by_h2 = np.where(h2 > 0, np.dot(by_score[:, None], w3[None]), 0)  # (100, 16)
    by_h1 = np.where(h1 > 0, np.dot(by_h2, w2.T), 0)  # (100, 16)
    gradients = (
        *(np.dot(x.T, by_h1), np.add.reduce(by_h1)),
        *(np.dot(h1.T, by_h2), np.add.reduce(by_h2)),
        *(np.dot(by_score, h2), np.add.reduce(by_score)),
    )
    for p, gradient in zip(parameters, gradients):
        gradient = gradient + 2 * PENALTY * p
        p -= RATE * gradient
    return loss


class TestTrainingStep(unittest.TestCase):
    """Two moons: a net of 2-16-16-1, hinge loss and the squares of all parameters."""

    def setUp(self):
        model = nn.MLP(2, [16, 16, 1])
        self.parameters = model.parameters()
        for value, data in zip(self.parameters, new_parameters()):
            value.data = data
        x, y = map(Value, new_batch())
        x.data, y.data = new_batch()  # Values would make plain arrays of them
        hinge = (1 - y * model(x)).relu().mean()
        squares = sum((value**2).sum() for value in self.parameters)
        self.loss = hinge + PENALTY * squares
        self.optimiser = optim.SGD(self.parameters, RATE)

    def step(self):
        self.loss.forward()
        self.loss.backward(wrt=self.parameters)
        self.optimiser.step()

    def test_same_numbers_as_by_hand(self):
        parameters = new_parameters()
        for _ in range(5):
            self.step()
            loss = step_by_hand(parameters, *new_batch())
        self.assertAlmostEqual(float(self.loss), float(loss), delta=1e-12)
        for value, data in zip(self.parameters, parameters):
            np.testing.assert_allclose(value.data, data, rtol=1e-12)

    def test_calls_and_arrays(self):
        ones = lambda *arguments: ONES(*arguments).view(Counted)
        with patch.multiple(np, ndarray=Counted, ones=ones, full=full):
            self.step()  # makes the plan
            our_calls, our_arrays = counted(self.step)
        parameters, batch = new_parameters(), new_batch()
        calls, arrays = counted(lambda: step_by_hand(parameters, *batch))
        # Four more, for what is merged by hand, such as 1 - x with its sign.
        self.assertLessEqual(our_calls, calls + 4)
        self.assertLessEqual(len(our_arrays), len(arrays))
        self.assertLessEqual(sum(our_arrays), sum(arrays))

    def test_plan(self):
        results, *_ = topology(self.loss)
        layers, hinge, squares, total = 3 + 3 + 2, 4, 6 * 3, 2
        self.assertEqual(len(results) + 1, layers + hinge + squares + total)
        # Operand by operand, but for x, y and constants.
        layers, hinge, squares, total = 4 + 5 + 4, 4, 6 + 6 + 11, 3
        plan = new_plan(self.loss, tuple(self.parameters))
        self.assertEqual(len(plan), layers + hinge + squares + total)


class TestVisits(unittest.TestCase):
    def test_only_what_leads_to_wrt(self):
        visited = []
        step = operator("step", lambda x: x, lambda g, y, x: visited.append(x) or g)
        factors = [Value(2.0) for _ in range(5)]
        y = Value(1.0)
        for factor in factors:
            y = step(y * factor) + step(Value(3.0))
        for wrt, expected in (
            (factors[:1], 5),
            (factors[3:], 2),
            (factors[4], 1),
            ((), 0),
            (None, 10),
        ):
            visited.clear()
            y.backward(wrt)
            self.assertEqual(len(visited), expected)

    def test_order_and_plan_are_made_once(self):
        x = Value(shape=(None,), name="x")
        loss = (x * [1.0, 2.0]).tanh().sum()
        made = []
        note = lambda *arguments: made.append(arguments) or new_plan(*arguments)
        with patch.object(engine, "new_plan", note):
            for _ in range(3):
                loss.forward(x=[3.0, 4.0])
                loss.backward(wrt=x)
            self.assertEqual(len(made), 1)
            loss.backward()
            loss.forward(x=[3.0])
            loss.backward(wrt=x)
        self.assertEqual(len(made), 3)


if __name__ == "__main__":
    unittest.main()
