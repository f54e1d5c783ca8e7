"""Interrupts: Ctrl-C at any line leaves states, files and locks whole."""

import itertools
import os
import runpy
import signal
import sys
import threading
import time
import unittest
import zipfile
from functools import partial

import numpy as np
from testing import ROOT, ValueTest, new_folder, numbers, slow

from micrograd import Value, checkpoint, compiled, nn, operator, optim

FOLDER = ROOT / "micrograd"
OWN = (str(FOLDER), "<micrograd program")
PROGRAM = (str(FOLDER / "program" / "program.py"), str(FOLDER / "program" / "code.py"))
FILES = (str(FOLDER / "checkpoint.py"),)


class Interrupt:
    """A trace function that raises KeyboardInterrupt at the n-th line of some files.

    Not at `with` and `try`: there Python takes no signal, and comes back to a `with`
    when its block has ended.
    """

    def __init__(self, n, files):
        self.n, self.files = n, files
        self.is_done = False

    def __call__(self, frame, event, argument):
        code = frame.f_code
        if self.is_done or not code.co_filename.startswith(self.files):
            return None
        if event == "line" and not self.is_with(code.co_filename, frame.f_lineno):
            self.n -= 1
            if self.n < 0:
                self.is_done = True
                raise KeyboardInterrupt
        return self

    LINES = {}

    @classmethod
    def is_with(cls, file, number):
        if file not in cls.LINES and os.path.exists(file):
            with open(file, encoding="utf-8") as source:
                lines = source.read().splitlines()
            words = ("with ", "try:")
            starts = enumerate(map(str.strip, lines), 1)
            cls.LINES[file] = {i for i, line in starts if line.startswith(words)}
        return number in cls.LINES.get(file, ())


def interrupted(make, run, files=OWN, kinds=KeyboardInterrupt):
    """Make something and run it, again and again, interrupted at each line once.

    It yields what was made after each interrupt, and ends when no line is left.
    """
    before = sys.gettrace()
    for n in itertools.count():
        made, interrupt = make(), Interrupt(n, files)
        sys.settrace(interrupt)
        try:
            with np.errstate():  # which an interrupt may leave otherwise
                run(made)
        except kinds:
            pass
        finally:
            sys.settrace(before)
        if not interrupt.is_done:
            return
        yield made


class InterruptTest(ValueTest):
    def assert_one_of(self, found, *states):
        """A list of arrays and None is one of these lists, in all places."""
        same = lambda a, b: (
            (a is None) == (b is None)
            and (a is None or np.array_equal(a, b, equal_nan=True))
        )
        self.assertTrue(any(all(map(same, found, state)) for state in states), found)

    def net(self):
        x = Value(shape=(None, 2), name="x")
        model = nn.MLP(2, [3, 1], rng=np.random.default_rng(0))
        return x, model, (model(x) ** 2).mean()


class TestEngine(InterruptTest):
    def test_forward(self):
        x, _, loss = self.net()
        nodes = [x, *loss.parents[0].parents, *loss.parents, loss]
        data = lambda: [node.data for node in nodes]
        old, new = numbers((4, 2)), numbers((5, 2))
        whole = [(loss.forward(x=feed), data())[1] for feed in (old, new)]
        found = set()
        make = lambda: loss.forward(x=old)
        for _ in interrupted(make, lambda _: loss.forward(x=new)):
            self.assert_one_of(data(), *whole)
            found.add(len(x.data))
        self.assertEqual(found, {4, 5})  # at the last lines, all is new

    def test_forward_of_what_waits_for_its_feeds(self):
        feed = numbers((4, 2))
        made = interrupted(self.net, lambda net: net[2].forward(x=feed))
        for x, _, loss in made:
            if x.is_fed:
                np.testing.assert_array_equal(x.data, feed)
            loss.forward(x=feed)
            self.assertTrue(loss.is_fed)

    def test_backward(self):
        x, model, loss = self.net()
        loss.forward(x=numbers((4, 2)))
        values = [x, *model.parameters(), *loss.parents, loss]
        grads = lambda: [value.grad for value in values]
        none = [None] * len(values)
        for wrt in (None, model):
            loss.backward(wrt)
            whole, again = grads(), partial(loss.backward, wrt)
            for _ in interrupted(again, lambda _: again()):  # noqa: B023
                self.assert_one_of(grads(), whole, none)

    def test_they_go_on_as_they_are(self):
        def leave(*_):
            raise SystemExit(3)

        x = Value(1.0)
        calls = iter([1.0])  # while it is built
        y = operator("leave", lambda x: next(calls, None) or leave(), None)(x)
        z = operator("leave", np.exp, leave)(x)
        for run in (y.forward, compiled(y), z.backward, compiled(z, wrt=x)):
            with self.assertRaises(SystemExit) as caught:
                run()
            self.assertEqual(caught.exception.code, 3)
            self.assertIsNone(x.grad)


class TestProgram(InterruptTest):
    def assert_whole(self, make, feeds):
        """The gradients are the old ones or None, and the next call is right."""
        program = make()
        expected = program(**feeds)
        gradients = [np.copy(x.grad) for x in program.wrt]
        none = [None] * len(gradients)
        run = lambda program: program(**feeds)
        call = lambda: run(program) and None
        for makes, files in [(make, PROGRAM), (lambda: call() or program, OWN)]:
            for made in interrupted(makes, run, files):
                found = [x.grad for x in made.wrt]
                self.assertFalse(made._lock.locked())
                self.assert_one_of(found, none, gradients)
                self.assert_close(made(**feeds), expected, 1e-12)
                self.assert_one_of([x.grad for x in made.wrt], gradients)

    def test_net(self):
        x, model, loss = self.net()
        self.assert_whole(lambda: compiled(loss, wrt=model), dict(x=numbers((4, 2))))

    def test_own_operators(self):
        x, w = Value(shape=(3,), name="x"), Value(numbers(3, seed=1))
        mine = operator("mine", lambda x: x * 2.0, lambda g, y, x: g * 2.0)
        make = lambda: compiled(mine(x * mine(w)).sum(), wrt=[x, w])
        self.assert_whole(make, dict(x=numbers(3)))

    def test_lengths_by_data(self):
        x, w = Value(shape=(4,), name="x"), Value(numbers(4, seed=1))
        y = (x * w)[x > 0].sum()
        program = compiled(y, wrt=w)
        few, many = np.array([1.0, -1, -2, 3]), np.array([1.0, -1, 2, 3])
        expected, old = y.forward(x=many), few * (few > 0)
        make, run = lambda: program(x=few), lambda _: program(x=many)
        for _ in interrupted(make, run, PROGRAM):
            self.assertFalse(program._lock.locked())
            self.assert_one_of([w.grad], [None], [old])
            self.assert_close(program(x=many), expected, 1e-12)

    def test_operators_that_ask_for_more(self):
        """For the program that runs them: it is an error, and never waits."""
        path, asked = new_folder(self) / "answer.py", []

        def ask(x):
            for question in asked:
                question()
            return x

        x = Value(2.0)
        y = operator("ask", ask, lambda g, y, x: g)(x)
        programs = []
        for question in (
            lambda: programs[-1](),
            lambda: programs[-1].save(path),
            lambda: programs[-1].source,
        ):
            program = compiled(y, wrt=x)
            programs.append(program)
            asked[:] = [question]
            with self.assertRaisesRegex(RuntimeError, "running already"):
                program()
            asked.clear()
            self.assertEqual((program(), x.grad), (2, 1))
        asked[:] = [question]  # the source has been written
        self.assertEqual(program(), 2)

    def test_two_threads_save_one_program(self):
        path = new_folder(self) / "answer.py"
        program = compiled(Value(numbers(3)) * 2)
        failures = []

        def save():
            try:
                for _ in range(10):
                    program.save(path, parameters=True)
                    runpy.run_path(str(path))["step"]()
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=save) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    @unittest.skipIf(sys.version_info < (3, 11), "a signal may come as a with ends")
    @unittest.skipUnless(hasattr(signal, "setitimer"), "there are no timers")
    def test_signals(self):
        """As Ctrl-C sends them, at any time."""
        x, model, loss = self.net()
        program, feeds = compiled(loss, wrt=model), dict(x=numbers((4, 2)))
        expected = program(**feeds)
        gradients = [np.copy(v.grad) for v in program.wrt]

        def interrupt(*_):
            raise KeyboardInterrupt

        handler = signal.signal(signal.SIGALRM, interrupt)
        self.addCleanup(signal.signal, signal.SIGALRM, handler)
        end, hits = time.monotonic() + 2, 0
        rng = np.random.default_rng(0)
        while time.monotonic() < end:
            try:
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-6, 3e-4))
                while True:
                    program(**feeds)
            except KeyboardInterrupt:
                hits += 1
            self.assertFalse(program._lock.locked())
            found = [v.grad for v in program.wrt]
            self.assert_one_of(found, gradients, [None] * len(found))
        self.assertGreater(hits, 100)
        self.assert_close(program(**feeds), expected, 1e-12)


@slow
class TestStates(InterruptTest):
    def parts(self, seed):
        rng = np.random.default_rng(seed)
        model = nn.MLP(2, [3, 1], rng=rng)
        adam = optim.Adam(model, learning_rate=0.1 + seed)
        for _ in range(seed + 1):
            for value in model.parameters():
                value.grad = np.array(rng.normal(size=value.shape))
            adam.step()
        return dict(model=model, adam=adam)

    def test_all_or_nothing(self):
        path = new_folder(self) / "run.npz"
        new = self.parts(1)
        checkpoint.save(path, **new)
        states = {name: part.state_dict() for name, part in new.items()}
        for names, load in [
            (["model"], lambda x: x["model"].load_state_dict(states["model"])),
            (["adam"], lambda x: x["adam"].load_state_dict(states["adam"])),
            (["model", "adam"], lambda x: checkpoint.load(path, **x)),
        ]:
            old, found = self.arrays(self.parts(0), names), []
            for parts in interrupted(lambda: self.parts(0), load):
                found.append(self.arrays(parts, names))
                self.assert_one_of(found[-1], old, self.arrays(new, names))
            self.assertGreater(len(found), 10)

    def arrays(self, parts, names):
        return [x for name in names for x in parts[name].state_dict().values()]

    @unittest.skipIf(np.lib.NumpyVersion(np.__version__) < "1.24.0", "casts are silent")
    def test_warnings_that_are_errors(self):
        """The second array does not fit float16."""
        layer = nn.Layer(2, 3, dtype=np.float16)
        adam = optim.Adam(layer)
        for part, large in ((layer, "b"), (adam, "v.1")):
            before = part.state_dict()
            state = {name: np.ones(x.shape) for name, x in before.items()}
            state[large][...] = 1e300
            with np.errstate(over="raise"):
                with self.assertRaises((RuntimeWarning, FloatingPointError)):
                    part.load_state_dict(state)
            self.assert_one_of([*part.state_dict().values()], [*before.values()])

    def test_clipping(self):
        x, w = Value(np.ones(3)), Value(np.ones(2))
        for bad in (np.broadcast_to(2.0, 2), np.array([2, 2])):
            x.grad, w.grad = np.ones(3), bad
            with self.assertRaisesRegex(ValueError, "writeable floating arrays"):
                optim.clip_grad_norm([x, w], 1.0)
            self.assert_one_of([x.grad, w.grad], [np.ones(3), bad])
        x.grad, w.grad = np.full(3, 1e100), np.full(2, 1e-150)  # its product underflows
        with np.errstate(all="raise"), self.assertRaises(FloatingPointError):
            optim.clip_grad_norm([x, w], 1e-70)
        self.assert_one_of([x.grad, w.grad], [np.full(3, 1e100), np.full(2, 1e-150)])


class TestFiles(InterruptTest):
    def test_checkpoints(self):
        """Also at each line of NumPy's and the archive's."""
        folder = new_folder(self)
        path = folder / "model.npz"
        models = [nn.Layer(2, 3) for _ in range(2)]
        contents = [[*model.state_dict().values()] for model in models]
        models[0].save(path)
        make, run = lambda: models[0].save(path), lambda _: models[1].save(path)
        for files in (FILES, (*FILES, zipfile.__file__)):
            # An archive may complain of the entry that the interrupt has left open.
            for _ in interrupted(make, run, files, (KeyboardInterrupt, ValueError)):
                self.assertEqual(os.listdir(folder), ["model.npz"])
                self.assert_one_of([*checkpoint.read(path).values()], *contents)

    def test_modules(self):
        folder = new_folder(self)
        path = folder / "answer.py"
        w = Value(np.ones(3))
        old, new = [compiled(w * n, names={"w": w}) for n in (2.0, 3.0)]
        make = lambda: old.save(path, parameters=True)
        run = lambda _: new.save(path, parameters=True)
        for _ in interrupted(make, run, FILES):
            self.assertEqual(set(os.listdir(folder)), {"answer.py", "answer.npz"})
            answer = runpy.run_path(str(path))["step"]()
            self.assertIn(answer.tolist(), ([2, 2, 2], [3, 3, 3]))
            self.assertFalse(new._lock.locked())


if __name__ == "__main__":
    unittest.main()
