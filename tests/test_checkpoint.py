"""Checkpoints: training that was interrupted ends as if it had not been."""

import os
import pickle
import unittest
from unittest import mock

import numpy as np
from testing import ValueTest, needs, new_folder

from micrograd import Value, checkpoint, compiled, nn, optim

STEPS = 12


def falling():
    """A schedule that cannot be started again."""
    return (0.1 / (1 + step) for step in range(STEPS))


OPTIMISERS = {
    "sgd": lambda wrt: optim.SGD(wrt, 0.1),
    "momentum": lambda wrt: optim.SGD(wrt, 0.1, momentum=0.9, weight_decay=0.1),
    "adam": lambda wrt: optim.Adam(wrt, 0.1, weight_decay=0.1),
    "adamw": lambda wrt: optim.AdamW(wrt, 0.1),
    "rmsprop": lambda wrt: optim.RMSprop(wrt, 0.1, weight_decay=0.1),
    "scheduled sgd": lambda wrt: optim.SGD(wrt, falling(), momentum=0.5),
    "scheduled adamw": lambda wrt: optim.AdamW(wrt, falling()),
    "listed adam": lambda wrt: optim.Adam(wrt, list(falling())),
}


class TestNumbersAndStrings(ValueTest):
    """What a checkpoint has beside models and optimisers."""

    def setUp(self):
        self.path = new_folder(self) / "run.npz"

    def test_they_come_back(self):
        model, scale = nn.Neuron(2), np.array([[1.5, 2.5]], "f4")
        given = {"epoch": 3, "best": 0.25, "name": "first ü", "done": True}
        given.update(mean=scale, words=np.array(["a", "bc"]), nothing=np.zeros((0, 2)))
        given.update(rate=np.float32(0.5))
        checkpoint.save(self.path, model=model, **given)
        found = checkpoint.load(self.path, model=nn.Neuron(2))
        self.assertEqual(found.keys(), given.keys())
        for name, x in found.items():
            self.assertTrue(np.array_equal(x, given[name]), name)
            if name in ("epoch", "best", "name", "done"):
                self.assertIs(type(x), type(given[name]))
            if isinstance(given[name], np.ndarray):
                self.assertEqual(x.dtype, given[name].dtype)

    def test_alone(self):
        checkpoint.save(self.path, epoch=3)
        self.assertEqual(checkpoint.load(self.path), {"epoch": 3})
        with self.assertRaisesRegex(ValueError, r"parts \['model'\], got \['epoch'\]"):
            checkpoint.load(self.path, model=nn.Neuron(2))
        checkpoint.save(self.path, model=nn.Neuron(2))
        self.assertEqual(checkpoint.load(self.path, model=nn.Neuron(2)), {})
        with self.assertRaisesRegex(ValueError, r"parts \[\], got \['model'\]"):
            checkpoint.load(self.path)

    def test_what_a_file_cannot_have(self):
        for x in (None, [1, 2], {"a": 1}, 1j, b"bytes", Value(1.0), 2**70, object()):
            with self.subTest(x=x), self.assertRaisesRegex(TypeError, "^x: expected a"):
                checkpoint.save(self.path, x=x)
        objects = np.array([None, 1])
        with self.assertRaisesRegex(TypeError, "x: .*ndarray of object"):
            checkpoint.save(self.path, model=nn.Neuron(2), x=objects)
        with self.assertRaisesRegex(TypeError, "'a.b': expected a name without a dot"):
            checkpoint.save(self.path, **{"a.b": 3})
        self.assertFalse(self.path.exists())


class Normalised(nn.Module):
    def __init__(self):
        self.layer = nn.Layer(2, 3)
        self.mean = nn.Buffer(np.zeros(2))
        self.counts = [nn.Buffer(0)]

    def __call__(self, x):
        return self.layer(x - self.mean)


class TestBuffers(ValueTest):
    def setUp(self):
        self.model, self.path = Normalised(), new_folder(self) / "run.npz"
        self.model.mean.data = np.array([1.0, 2.0])
        self.model.counts[0].data = 7

    def test_they_are_no_parameters(self):
        model = self.model
        self.assertEqual(
            [k for k, _ in model.named_parameters()], ["layer.w", "layer.b"]
        )
        self.assertEqual([k for k, _ in model.named_buffers()], ["mean", "counts.0"])
        self.assertEqual(len(optim.SGD(model, 0.1).wrt), 2)
        model(np.ones((4, 2))).backward(wrt=model)
        self.assertIsNone(model.mean.grad)
        self.assertIn("9 parameters", str(model))

    def test_state_and_files(self):
        other = Normalised()
        other.load_state_dict(self.model.state_dict())
        checkpoint.save(self.path, model=self.model)
        third = Normalised()
        checkpoint.load(self.path, model=third)
        for model in (other, third):
            self.assert_equal(model.mean.data, [1, 2])
            self.assertEqual(model.counts[0].data, 7)
            self.assertIs(type(model.counts[0].data), int)

    def test_files_of_older_versions(self):
        """They have parameters alone; one buffer without the others is an error."""
        state = {name: x.data for name, x in self.model.named_parameters()}
        other = Normalised()
        other.mean.data = np.array([5.0, 6.0])
        other.load_state_dict(state)
        self.assert_equal(other.mean.data, [5, 6])
        checkpoint.write(self.path, {f"model.{name}": x for name, x in state.items()})
        checkpoint.load(self.path, model=other)
        self.assert_equal(other.mean.data, [5, 6])
        self.assert_equal(other.layer.w.data, self.model.layer.w.data)
        with self.assertRaisesRegex(ValueError, "missing: counts.0 of shape ..$"):
            other.load_state_dict({**state, "mean": np.zeros(2)})

    def test_programs_read_them(self):
        x = Value(shape=(None, 2), name="x")
        program = compiled(self.model(x).sum(), wrt=self.model)
        data = np.ones((3, 2))
        before = program(x=data)
        self.model.mean.data = np.array([-3.0, 0.5])
        self.assertNotEqual(program(x=data), before)
        self.assert_close(program(x=data), self.model(x).sum().forward(x=data), 1e-12)

    def test_pickled(self):
        copy = pickle.loads(pickle.dumps(self.model))
        self.assertIs(type(copy.mean), nn.Buffer)
        self.assert_equal(copy.mean.data, [1, 2])


class Net(nn.Module):
    """Parameters of every kind."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.inner = nn.Layer(3, 4, rng=rng)
        self.single = Value(rng.normal(size=(4, 2)).astype(np.float32))
        self.fortran = Value(np.asfortranarray(rng.normal(size=(2, 2))))
        self.scalar, self.number = Value(np.array(rng.normal())), Value(0.5)

    def __call__(self, x):
        return self.inner(x) @ self.single @ self.fortran * self.scalar + self.number


class Training:
    """A net, its optimiser, and batches that depend on the step alone."""

    def __init__(self, make_optimiser, seed=0):
        self.model = Net(seed)
        self.optimiser = make_optimiser(self.model.parameters())
        self.parts = {"model": self.model, "optimiser": self.optimiser}
        self.x = Value(shape=(None, 3), name="x")
        self.loss = (self.model(self.x) ** 2).mean()

    def run(self, until):
        for step in range(self.optimiser.steps, until):
            x = np.random.default_rng(step).normal(size=(5, 3))
            self.loss.forward(x=x)
            self.loss.backward(wrt=self.optimiser.wrt)
            self.optimiser.step()

    def state(self):
        states = self.model.state_dict(), self.optimiser.state_dict()
        return [(name, state[name]) for state in states for name in state]


class CheckpointTest(unittest.TestCase):
    def setUp(self):
        self.folder = new_folder(self)
        self.path = self.folder / "run.npz"

    def assert_same(self, state, expected):
        self.assertEqual([name for name, _ in state], [name for name, _ in expected])
        for (name, array), (_, other) in zip(state, expected):
            np.testing.assert_array_equal(array, other, name)
            self.assertEqual(array.dtype, other.dtype, name)


class TestResumption(CheckpointTest):
    def test_ends_as_an_uninterrupted_run(self):
        for name, make_optimiser in OPTIMISERS.items():
            whole = Training(make_optimiser)
            whole.run(STEPS)
            kinds = [type(value.data) for value in whole.optimiser.wrt]
            for stop in (0, 1, 5, STEPS):
                with self.subTest(name, stop=stop):
                    first = Training(make_optimiser)
                    first.run(stop)
                    checkpoint.save(self.path, **first.parts)
                    second = Training(make_optimiser, seed=1)
                    checkpoint.load(self.path, **second.parts)
                    self.assertEqual(second.optimiser.steps, stop)
                    self.assert_same(second.state(), first.state())
                    second.run(STEPS)
                    self.assert_same(second.state(), whole.state())
                    loaded = [type(value.data) for value in second.optimiser.wrt]
                    self.assertEqual(loaded, kinds)

    def test_state_is_a_copy(self):
        for name, make_optimiser in OPTIMISERS.items():
            with self.subTest(name):
                runs = Training(make_optimiser), Training(make_optimiser)
                for training in runs:
                    training.run(3)
                before = runs[0].state()
                state = runs[0].optimiser.state_dict()
                runs[1].optimiser.load_state_dict(state)
                for array in state.values():
                    array[...] = 7
                for training in runs:
                    self.assert_same(training.state(), before)


class TestOptimisers(CheckpointTest):
    def test_names(self):
        values = [Value(np.ones(2)), Value(1.0)]
        for optimiser, names in [
            (optim.SGD(values, 0.1), set()),
            (optim.SGD(values, 0.1, momentum=0.9), {"velocity.0", "velocity.1"}),
            (optim.Adam(values), {"m.0", "m.1", "v.0", "v.1"}),
            (optim.AdamW(values), {"m.0", "m.1", "v.0", "v.1"}),
        ]:
            state = optimiser.state_dict()
            self.assertEqual(set(state), names | {"steps", "learning_rate"})
            for name in names:
                self.assertEqual(state[name].shape, values[int(name[-1])].shape)
                self.assertFalse(state[name].any())

    def test_refused_states_change_nothing(self):
        training = Training(OPTIMISERS["scheduled adamw"])
        training.run(3)
        before, good = training.state(), training.optimiser.state_dict()
        plain = optim.SGD(training.optimiser.wrt, 0.1).state_dict()
        for name, state, words in [
            ("of another optimiser", plain, ["missing", "m.0", "v.5"]),
            ("unexpected", {**good, "velocity.0": np.ones(3)}, ["velocity.0"]),
            ("shape", {**good, "v.0": np.ones((9, 9))}, ["v.0", "(9, 9)"]),
            ("broadcast", {**good, "m.0": np.ones(1)}, ["m.0", "(1,)"]),
            ("no steps", {k: good[k] for k in good if k != "steps"}, ["steps"]),
            ("earlier", {**good, "steps": np.array(2)}, ["schedule", "2", "3"]),
        ]:
            with self.subTest(name):
                with self.assertRaises(ValueError) as caught:
                    training.optimiser.load_state_dict(state)
                for word in words:
                    self.assertIn(word, str(caught.exception))
                self.assert_same(training.state(), before)
        whole = Training(OPTIMISERS["scheduled adamw"])
        for each in (whole, training):  # the schedule has not moved either
            each.run(STEPS)
        self.assert_same(training.state(), whole.state())

    def test_a_constant_rate_goes_back(self):
        training = Training(OPTIMISERS["adam"])
        training.run(4)
        checkpoint.save(self.path, **training.parts)
        best = training.state()
        training.run(9)
        checkpoint.load(self.path, **training.parts)
        self.assert_same(training.state(), best)

    def test_a_schedule_goes_on(self):
        rates = [0.5, 0.25, 0.125]
        for steps in range(4):
            x = Value(0.0)
            sgd = optim.SGD(x, iter(rates))
            for _ in range(2):  # the second time, it is there already
                sgd.load_state_dict({"steps": steps})
            x.grad = 1.0
            for rate in rates[steps:]:
                x.data = 0.0
                sgd.step()
                self.assertEqual(x.data, -rate)
            with self.assertRaisesRegex(ValueError, "rates"):
                sgd.step()

    def test_a_failed_step_does_not_count(self):
        x = Value(1.0)
        adam = optim.Adam(x, iter([0.1]))
        with self.assertRaisesRegex(ValueError, "gradient"):
            adam.step()
        self.assertEqual(adam.steps, 0)
        x.grad = 1.0
        adam.step()
        with self.assertRaisesRegex(ValueError, "rates"):
            adam.step()
        self.assertEqual(adam.steps, 1)

    @needs("torch")
    def test_memory_is_torchs(self):
        import torch

        for ours, theirs, names in [
            (
                lambda wrt: optim.SGD(wrt, 0.1, momentum=0.9),
                lambda wrt: torch.optim.SGD(wrt, 0.1, momentum=0.9),
                {"velocity": "momentum_buffer"},
            ),
            (
                lambda wrt: optim.AdamW(wrt, 0.1),
                lambda wrt: torch.optim.AdamW(wrt, 0.1),
                {"m": "exp_avg", "v": "exp_avg_sq"},
            ),
        ]:
            rng = np.random.default_rng(0)
            values = [Value(rng.normal(size=shape)) for shape in ((2, 3), (4,))]
            tensors = [torch.tensor(x.data, requires_grad=True) for x in values]
            optimiser, torch_optimiser = ours(values), theirs(tensors)
            for _ in range(10):
                for value, tensor in zip(values, tensors):
                    value.grad = rng.normal(size=value.shape)
                    tensor.grad = torch.tensor(value.grad)
                optimiser.step()
                torch_optimiser.step()
            state = optimiser.state_dict()
            for i, memory in torch_optimiser.state_dict()["state"].items():
                for name, torch_name in names.items():
                    expected = memory[torch_name].numpy()
                    np.testing.assert_allclose(state[f"{name}.{i}"], expected, 1e-12)
            self.assertEqual(state["steps"], 10)


class TestFiles(CheckpointTest):
    def setUp(self):
        super().setUp()
        self.training = Training(OPTIMISERS["scheduled adamw"])
        self.training.run(3)

    def test_is_numpys_file(self):
        checkpoint.save(self.path, **self.training.parts)
        self.assertEqual(os.listdir(self.folder), ["run.npz"])
        with np.load(self.path, allow_pickle=False) as file:
            self.assertEqual(file["optimiser.steps"], 3)
            weights = self.training.model.inner.w.data
            np.testing.assert_array_equal(file["model.inner.w"], weights)

    def test_a_part_alone(self):
        checkpoint.save(self.path, **self.training.parts)
        model = Net(seed=1)
        checkpoint.load(self.path, model=model)
        expected = self.training.model.state_dict()
        self.assert_same(list(model.state_dict().items()), list(expected.items()))

    def test_names_that_begin_alike(self):
        nets = nn.Layer(2, 2), nn.Layer(3, 3)
        checkpoint.save(self.path, net=nets[0], net2=nets[1])
        copies = nn.Layer(2, 2), nn.Layer(3, 3)
        checkpoint.load(self.path, net2=copies[1], net=copies[0])
        for net, copy in zip(nets, copies):
            np.testing.assert_array_equal(copy.w.data, net.w.data)

    def test_all_or_nothing(self):
        saved = Training(OPTIMISERS["scheduled adamw"], seed=1)
        saved.run(2)
        other = nn.MLP(2, [3, 1])
        sgd = optim.SGD(saved.model.parameters(), 0.1)
        for name, parts, words in [
            ("model", {**saved.parts, "model": other}, ["model.inner.w"]),
            ("optimiser", {**saved.parts, "optimiser": sgd}, ["optimiser.m.0"]),
            ("a part is missing", {"model": saved.model}, ["optimiser.steps"]),
            ("the schedule is past it", saved.parts, ["schedule"]),
        ]:
            with self.subTest(name):
                checkpoint.save(self.path, **parts)
                before = self.training.state()
                with self.assertRaises(ValueError) as caught:
                    checkpoint.load(self.path, **self.training.parts)
                for word in words:
                    self.assertIn(word, str(caught.exception))
                self.assert_same(self.training.state(), before)
        with self.assertRaises(FileNotFoundError):
            checkpoint.load(self.folder / "nothing.npz", **self.training.parts)

    def test_all_or_nothing_of_two_schedules(self):
        """One could go on, the other not back: then both stay, and their rates."""

        def trained(*steps):
            trainings = [Training(OPTIMISERS["scheduled adamw"]) for _ in steps]
            for training, until in zip(trainings, steps):
                training.run(until)
            parts = {"first": trainings[0].optimiser, "net": trainings[0].model}
            return trainings, {**parts, "second": trainings[1].optimiser}

        checkpoint.save(self.path, **trained(5, 2)[1])
        trainings, parts = trained(3, 4)
        before = [training.state() for training in trainings]
        with self.assertRaisesRegex(ValueError, "past step 2: at 4"):
            checkpoint.load(self.path, **parts)
        for training, state in zip(trainings, before):
            self.assert_same(training.state(), state)
            training.run(STEPS)
        whole = Training(OPTIMISERS["scheduled adamw"])
        whole.run(STEPS)
        for training in trainings:
            self.assert_same(training.state(), whole.state())

    def test_files_without_a_learning_rate(self):
        """Those of version 1.0.0: the optimiser keeps its own."""
        training = Training(OPTIMISERS["adam"])
        training.run(3)
        state = checkpoint.joined(training.parts)
        del state["optimiser.learning_rate"]
        checkpoint.write(self.path, state)
        other = Training(OPTIMISERS["adam"], seed=1)
        checkpoint.load(self.path, **other.parts)
        self.assert_same(other.state(), training.state())
        self.assertEqual(other.optimiser.learning_rate, 0.1)
        part = nn.Module()  # of a model, it is one among others
        part.learning_rate = Value(2.0)
        with self.assertRaisesRegex(ValueError, "missing.*learning_rate"):
            part.load_state_dict({})
        part.learning_rates, part.learning_rate = Value(2.0), 0.0
        part.steps = Value(1.0)
        with self.assertRaisesRegex(ValueError, "missing.*learning_rates"):
            part.load_state_dict({"steps": 1.0})

    def test_parts_that_are_none(self):
        model, state = self.training.model, self.training.model.state_dict()
        own = self.folder / "own.npz"
        model.save(own)
        for method in (checkpoint.save, checkpoint.load):
            named = rf"with names, as {method.__name__}\(path, model=model\)"
            for unnamed, parts, words in [
                ((model, self.path), {}, named),
                ((self.path, model), {}, named),
                ((self.path,), {"net": nn.MLP}, "net: expected a model.* got type"),
                ((self.path,), {"net": state}, "net: expected a model.* got dict"),
            ]:
                with self.subTest(words), self.assertRaisesRegex(TypeError, words):
                    method(*unnamed, **parts)
        with self.assertRaisesRegex(TypeError, "entries with names"):
            checkpoint.save(self.path)
        with self.assertRaisesRegex(TypeError, "epoch: .*load.. returns all else"):
            checkpoint.load(self.path, epoch=3)
        self.assertFalse(self.path.exists())
        with self.assertRaisesRegex(ValueError, r"\['net'\], got .*; model.load\(path"):
            checkpoint.load(own, net=model)

    def test_states_that_are_none(self):
        model = nn.Neuron(2)
        for state in ("model.npz", model, list(model.state_dict().values()), None):
            kind = type(state).__name__
            with self.assertRaisesRegex(TypeError, f"{kind}; .*model.state_dict()"):
                model.load_state_dict(state)
        with self.assertRaisesRegex(
            ValueError, "unexpected: 1 of shape .., more of shape"
        ):
            model.load_state_dict({**model.state_dict(), 1: 2, "more": 3})

    def test_a_crash_while_saving(self):
        checkpoint.save(self.path, **self.training.parts)
        content = self.path.read_bytes()
        self.training.run(4)
        for name in ("numpy.save", "os.fsync", "os.replace"):
            with self.subTest(name):
                with mock.patch(name, side_effect=OSError("no space left")):
                    with self.assertRaises(OSError):
                        checkpoint.save(self.path, **self.training.parts)
                self.assertEqual(self.path.read_bytes(), content)
                self.assertEqual(os.listdir(self.folder), ["run.npz"])


if __name__ == "__main__":
    unittest.main()
