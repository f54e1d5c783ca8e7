"""Training on several ranks: exact, and without a rank that waits for ever."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from testing import ROOT, is_installed, new_folder, run_python

from micrograd import Value, nn, optim
from micrograd.parallel import share

BESIDE_PYTHON = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
MPIEXEC = shutil.which("mpiexec") or shutil.which("mpiexec", path=BESIDE_PYTHON)
has_mpi = MPIEXEC is not None and is_installed("mpi4py")
needs_mpi = unittest.skipUnless(has_mpi, "needs mpi4py, and an MPI")
SECONDS = 120  # after which a job counts as hanging
STEPS = 100
UNDER_MPI4PY = ("-m", "mpi4py")

START = """
import os, signal, sys
import numpy as np
from mpi4py import MPI
from micrograd import Value, checkpoint, nn, optim
from micrograd.parallel import average_gradients, broadcast, share

comm = MPI.COMM_WORLD
"""


class Net(nn.Module):
    """Parameters of every kind; the ranks, too, take it from this file."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.w = Value(rng.normal(size=(3, 4)))
        self.fortran = Value(np.asfortranarray(rng.normal(size=(4, 2))))
        self.scalar, self.number = Value(np.array(0.7)), Value(0.3)

    def __call__(self, x):
        return (x @ self.w).tanh() @ self.fortran * self.scalar + self.number


class Training:
    def __init__(self, optimiser):
        self.model = Net()
        wrt = self.model.parameters()
        rates = (0.1 / (1 + step) ** 0.5 for step in range(STEPS))
        self.optimiser = {
            "sgd": lambda: optim.SGD(wrt, rates, momentum=0.9),
            "adamw": lambda: optim.AdamW(wrt, rates),
        }[optimiser]()
        x, y = Value(shape=(None, 3), name="x"), Value(shape=(None, 2), name="y")
        self.loss = ((self.model(x) - y) ** 2).mean()

    def batch(self, step, n, rows=slice(None)):
        """These rows of the step's n."""
        rng = np.random.default_rng(step)
        x, y = rng.normal(size=(n, 3)), rng.normal(size=(n, 2))
        return dict(x=x[rows], y=y[rows])

    def backward(self, step, n, rows=slice(None)):
        """For these rows of the step's n; how many that are."""
        batch = self.batch(step, n, rows)
        self.loss.forward(**batch)
        self.loss.backward(wrt=self.optimiser.wrt)
        return len(batch["x"])

    def state(self):
        states = {"model": self.model.state_dict()}
        states["optimiser"] = self.optimiser.state_dict()
        return {f"{part}.{name}": d[name] for part, d in states.items() for name in d}


CUTS = ["even", "uneven", "empty"]


def cuts(kind, size):
    """How many rows a batch has, and where the parts of the ranks begin and end."""
    if kind == "even":
        return 96, [96 * rank // size for rank in range(size + 1)]
    if kind == "uneven":
        return 97, [0, 1, 11][:size] + [97]
    return 2, [0, 0, 2][:size] + [2]  # the first rank of several has none


class Jobs(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = new_folder(self)

    def run_job(self, ranks, script, *arguments, code=0, options=UNDER_MPI4PY):
        """What the job writes to its standard output and error."""
        path = self.folder / "script.py"
        path.write_text(START + textwrap.dedent(script), encoding="utf-8")
        command = [MPIEXEC, "-n", str(ranks), sys.executable, *options, str(path)]
        command += arguments
        paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        single = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        environment = {**os.environ, **single, "PYTHONPATH": paths}
        if code and ranks > 1:  # who measures coverage would leave half a file
            environment.pop("COVERAGE_PROCESS_CONFIG", None)
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            self.fail(f"the job hangs\n{out}\n{err}")
        if code == 0:
            self.assertEqual((process.returncode, err), (0, ""), out)
        else:
            self.assertNotEqual(process.returncode, 0, out + err)
        return out, err

    def saved(self, ranks):
        arrays = []
        for rank in range(ranks):
            with np.load(self.folder / f"rank{rank}.npz") as file:
                arrays.append(dict(file))
        return arrays


class TestShare(unittest.TestCase):
    def test_a_partition(self):
        for size in range(1, 9):
            for n in (0, 1, 2, 7, 8, 9, 100, 10**12 + 1):
                comms = [SimpleNamespace(rank=rank, size=size) for rank in range(size)]
                parts = [share(n, comm) for comm in comms]
                bounds = [0] + [part.stop for part in parts]
                self.assertEqual([part.start for part in parts], bounds[:-1])
                self.assertEqual(bounds[-1], n)
                lengths = [part.stop - part.start for part in parts]
                self.assertLessEqual(max(lengths) - min(lengths), 1)

    def test_of_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "x.npy")
            np.save(path, np.arange(30.0).reshape(10, 3))
            whole = np.load(path, mmap_mode="r")
            part = whole[share(len(whole), SimpleNamespace(rank=2, size=3))]
            self.assertIsInstance(part, np.memmap)  # nothing is read yet
            np.testing.assert_array_equal(part, np.arange(18.0, 30.0).reshape(4, 3))
            whole._mmap.close()


class TestImport(unittest.TestCase):
    def test_changes_nothing_outside(self):
        code = """
        import atexit, sys
        import numpy
        before = sys.excepthook, atexit._ncallbacks()
        import micrograd.parallel
        print((sys.excepthook, atexit._ncallbacks()) == before, "mpi4py" in sys.modules)
        """
        self.assertEqual(run_python("-c", textwrap.dedent(code)), "True False\n")


@needs_mpi
class TestExactness(Jobs):
    KINDS = [(kind, name) for kind in CUTS for name in ("sgd", "adamw")]

    def one_process(self, kind, optimiser):
        training = Training(optimiser)
        for step in range(STEPS):
            training.backward(step, cuts(kind, 1)[0])
            training.optimiser.step()
        return training.state()

    def test_ranks_as_one_process(self):
        script = """
        import warnings
        from test_parallel import STEPS, TestExactness, Training, cuts

        states = {}
        for kind, optimiser in TestExactness.KINDS:
            training = Training(optimiser)
            wrt = training.optimiser.wrt
            for value in wrt:
                value.data += comm.rank
            broadcast([training.model, training.optimiser], comm)
            n, bounds = cuts(kind, comm.size)
            first, end = bounds[comm.rank : comm.rank + 2]
            for step in range(STEPS):
                if first < end or step % 3 == 0:
                    with warnings.catch_warnings():  # of the mean of nothing
                        warnings.simplefilter("error" if first < end else "ignore")
                        training.backward(step, n, slice(first, end))
                elif step % 3 == 1:  # not run, and the next time neither
                    for value in wrt:
                        value.grad = None
                average_gradients(wrt, comm, rows=end - first)
                training.optimiser.step()
            for name, array in training.state().items():
                states[f"{kind} {optimiser} {name}"] = array
            assert type(training.model.number.data) is float
        np.savez(f"rank{comm.rank}.npz", **states)
        """
        expected = {names: self.one_process(*names) for names in self.KINDS}
        for ranks in (1, 2, 3):
            self.run_job(ranks, script)
            first, *others = self.saved(ranks)
            for other in others:
                for name in first:
                    np.testing.assert_array_equal(other[name], first[name], name)
            for (kind, optimiser), state in expected.items():
                for name, array in state.items():
                    with self.subTest(kind, ranks=ranks, optimiser=optimiser, of=name):
                        actual = first[f"{kind} {optimiser} {name}"]
                        np.testing.assert_allclose(actual, array, 1e-12, 1e-12)

    def test_compiled_steps(self):
        script = """
        from micrograd import compiled
        from test_parallel import STEPS, Training, cuts

        states = {}
        for is_compiled in (False, True):
            training = Training("adamw")
            wrt = training.optimiser.wrt
            program = compiled(training.loss, wrt=wrt)
            n, bounds = cuts("uneven", comm.size)
            first, end = bounds[comm.rank : comm.rank + 2]
            for step in range(STEPS):
                if is_compiled:
                    program(**training.batch(step, n, slice(first, end)))
                else:
                    training.backward(step, n, slice(first, end))
                average_gradients(wrt, comm, rows=end - first)
                training.optimiser.step()
            for name, array in training.state().items():
                states[f"{is_compiled} {name}"] = array
        np.savez(f"rank{comm.rank}.npz", **states)
        """
        self.run_job(2, script)
        first, second = self.saved(2)
        for name in first:
            with self.subTest(name):
                np.testing.assert_array_equal(second[name], first[name])
                expected = first[name.replace("True", "False")]
                np.testing.assert_allclose(first[name], expected, 1e-12, 1e-12)

    def test_kinds_dtypes_and_messages(self):
        script = """
        class Spy(MPI.Intracomm):
            messages = []

            def Allreduce(self, sendbuf, recvbuf, *options):
                self.messages.append((recvbuf.dtype, recvbuf.size, recvbuf.ctypes.data))
                super().Allreduce(sendbuf, recvbuf, *options)

        datas = [
            np.ones((2, 3), np.float32), 1.0, np.ones(4), np.ones((3, 2), np.float16),
            np.asfortranarray(np.ones((2, 2))), np.array(1.0), np.float32(1),
            np.ones((0, 2)), np.ones(5, np.longdouble), np.ones((2, 2), np.float32).T,
        ]
        values = [Value(data) for data in datas]
        rows = comm.rank + 1
        spy = Spy(comm)
        for step in range(3):
            for value in values:
                if isinstance(value.data, np.ndarray):
                    order = "C" if step < 2 or value.ndim < 2 else "F"
                    value.grad = np.full(value.shape, rows * 10, value.dtype, order)
                    if value.ndim == 2:
                        value.grad[:1] += comm.rank
                else:
                    value.grad = type(value.data)(rows * 10)
            grads = [value.grad for value in values]
            average_gradients(iter(values), spy, rows=rows)
            for value, grad in zip(values, grads):
                assert type(value.grad) is type(grad), (value, grad)
                assert np.asarray(value.grad).dtype == value.dtype
                if isinstance(grad, np.ndarray):
                    assert value.grad is grad
                expected = np.full(value.shape, 10 * 5 / 3)  # of 10 and, twice, 20
                if value.ndim == 2:
                    expected[:1] += 2 / 3
                rtol = 1e-3 if value.dtype == np.float16 else 1e-6
                np.testing.assert_allclose(value.grad, expected, rtol)
        sent = {(dtype.name, size) for dtype, size, _ in spy.messages}
        wide = np.dtype(np.longdouble).name
        assert sent == {("float32", 17), ("float64", 10), (wide, 5)}, sent
        assert len(spy.messages) == 9  # the same three buffers in each step
        assert len({address for *_, address in spy.messages}) == 3
        average_gradients(values[0], spy)
        assert spy.messages[-1][1] == 6  # not all of its buffer
        """
        self.run_job(2, script)

    def test_one_value(self):
        script = """
        x = Value(1.0)
        x.grad = float(comm.rank)
        average_gradients(x, comm)
        assert x.grad == 0.5
        y = Value(2.0)  # the message is longer now
        y.grad = x.grad + comm.rank
        average_gradients([x, y], comm)
        assert (x.grad, y.grad) == (0.5, 1.0)
        """
        self.run_job(2, script)

    def test_integers_have_gradients_of_float64(self):
        script = """
        values = [Value(3), Value(np.arange(4)), Value(np.array([True, False]))]
        for rows in (1, 3 * comm.rank):  # the second time, rank 0 has no gradients
            for value in values:
                value.grad = None
                if rows and value.ndim:
                    value.grad = np.full(value.shape, 1 / 3 + comm.rank)
                elif rows:
                    value.grad = 1 / 3 + comm.rank
            average_gradients(values, comm, rows)
            for value in values:
                assert type(value.grad) is (np.ndarray if value.ndim else float)
                assert np.asarray(value.grad).dtype == np.float64
                expected = 1 / 3 + (0.5 if rows == 1 else 1)
                np.testing.assert_allclose(value.grad, expected, 1e-15)
        """
        self.run_job(2, script)

    def test_weights_are_float64(self):
        script = """
        x = Value(np.ones(3))
        x.grad = x.data + comm.rank
        average_gradients(x, comm, rows=np.float32([7, 3][comm.rank]))
        np.testing.assert_allclose(x.grad, 1.3, 1e-15)
        x = Value(np.ones(3, np.float16))
        x.grad = np.full(3, 2**-24, np.float16)  # of which there is no half
        average_gradients(x, comm)
        assert x.grad.tolist() == [2**-24] * 3
        """
        self.run_job(2, script)

    def test_a_rank_without_gradients_gets_its_own(self):
        script = """
        for dtype in (np.float16, np.float32, float):
            x, kept = Value(np.zeros(2, dtype)), []
            for number in (1, 2):
                x.grad = np.full(2, number, dtype) if comm.rank else None
                average_gradients(x, comm, rows=comm.rank)
                assert x.grad.dtype == dtype
                kept.append(x.grad)
            assert [grad.tolist() for grad in kept] == [[1, 1], [2, 2]]
        """
        self.run_job(2, script)

    def test_communicators_apart(self):
        script = """
        halves = comm.Split(comm.rank // 2)
        x = Value(1.0)
        for group in (halves, comm):  # the first time is a collective call on group
            x.grad = 1.0
            average_gradients(x, group)
        for step in range(3):
            for group in (halves, comm):
                x.grad = float(comm.rank + step)
                # a barrier of the caller's, before it on some ranks, after it on others
                barrier = comm.Ibarrier() if comm.rank % 2 else None
                average_gradients(x, group)
                (barrier or comm.Ibarrier()).Wait()
                ranks = range(4) if group is comm else [[0, 1], [2, 3]][comm.rank // 2]
                assert x.grad == sum(ranks) / len(ranks) + step
        halves.Free()
        """
        self.run_job(4, script)

    def test_communicators_that_are_freed(self):
        script = """
        x = Value(1.0)
        for _ in range(2500):  # MPICH has 2048 at a time
            group = comm.Dup()
            x.grad = float(comm.rank)
            average_gradients(x, group)
            assert x.grad == 0.5
            group.Free()
        """
        self.run_job(2, script)


@needs_mpi
class TestErrors(Jobs):
    """What one rank does wrong is a ValueError on each; then they may go on."""

    def test_on_all_ranks(self):
        script = """
        def check(words, function, *arguments):
            try:
                function(*arguments)
            except ValueError as error:
                for word in words:
                    assert word in str(error), (word, error)
            else:
                raise AssertionError(f"{words} were not said")
            x = Value(np.zeros(2))
            x.grad = np.array([1.0, comm.rank])
            average_gradients(x, comm)
            assert x.grad.tolist() == [1, 1]

        is_odd = comm.rank == 1
        x = Value(np.ones((2, 3)))
        x.grad = None if is_odd else np.ones((2, 3))
        other = Value(1.0)
        other.grad = 1.0
        check(["rank 1", "gradient"], average_gradients, [other, x], comm, 5)
        assert is_odd or x.grad.tolist() == [[1] * 3] * 2  # untouched
        x.grad = np.ones((2, 3))
        read_only = np.broadcast_to(1.0, (2, 3))
        for bad in (np.ones(6), np.ones((2, 3), int), read_only, 1.0):
            other.grad, x.grad = 1.0, bad if is_odd else np.ones((2, 3))
            words = ["rank 1", "no writeable floating array of its Value's shape"]
            for rows in (5, 0 if is_odd else 5):
                check(words, average_gradients, [other, x], comm, rows)
            assert other.grad == 1.0 and (x.grad is bad or not is_odd)
        x.grad = np.ones((2, 3))
        for rows in (-1, float("nan"), float("inf")):
            words = ["rank 1", str(rows)]
            check(words, average_gradients, x, comm, rows if is_odd else 5)
        check(["rows", "0"], average_gradients, x, comm, 0)
        for data in (np.ones((3, 2)), np.ones(6), np.ones((2, 3), np.float32)):
            other = Value(data if is_odd else x.data)
            other.grad = other.data
            described = str(data.shape), data.dtype.name
            words = ["rank 0", "(2, 3), 'float64'", "rank 1", *described]
            check(words, average_gradients, other, comm)
        check(["rank 0", "rank 1"], average_gradients, [x, x][is_odd:], comm)
        x_or_none = [x][comm.rank == 2 :]
        check(["rank 0", "rank 2"], average_gradients, x_or_none, comm)
        layer = nn.Layer(2, 3 + is_odd)
        before = layer.state_dict()
        words = ["rank 0", "(2, 3)", "rank 1", "(2, 4)"]
        check(words, broadcast, [layer], comm)
        for name, array in layer.state_dict().items():
            assert (before[name] == array).all()
        sgd = optim.SGD(layer.parameters(), 0.1, momentum=0.1 * is_odd)
        check(["rank 1", "velocity"], broadcast, [sgd], comm)
        layer = nn.Layer(2, 3)
        sgd = optim.SGD(layer, (0.1 for _ in range(9)))
        layer.w.grad = layer.b.grad = 0.0 * layer.w.data[0]
        before = layer.state_dict()
        if comm.rank:
            layer.w.grad = np.zeros((2, 3))
            for _ in range(3):
                sgd.step()
            try:
                broadcast([layer, sgd], comm)
            except ValueError as error:
                assert "past step 0: at 3" in str(error)
        else:
            broadcast([layer, sgd], comm)
        for name, array in layer.state_dict().items():
            assert (before[name] == array).all()
        print("done", flush=True)
        """
        out, _ = self.run_job(3, script)
        self.assertEqual(out.count("done"), 3)


@needs_mpi
class TestEnds(Jobs):
    """A job ends when a rank does, with what that had to say."""

    LOOP = """
    x = Value(1.0)
    for step in range(50):
        if step == 20 and comm.rank == 1:
            {}
        x.grad = 1.0
        average_gradients(x, comm)
    """

    def loop(self, statement):
        return textwrap.dedent(self.LOOP).format(statement)

    def test_a_rank_that_raises(self):
        late = self.loop("raise RuntimeError('too late')")
        early = "if comm.rank == 1: raise RuntimeError('too early')\ncomm.Barrier()"
        alone = "comm = comm.Split(comm.rank)\n" + late
        elsewhere = late + "\n    if step == 19 and comm.rank == 0: comm.Barrier()"
        for ranks, script, word in [
            (2, late, "too late"),
            (3, late, "too late"),
            (2, early, "too early"),
            (2, alone.replace("comm.rank == 1", "MPI.COMM_WORLD.rank"), "too late"),
            (2, elsewhere, "too late"),
            (1, late.replace("comm.rank == 1", "True"), "too late"),
        ]:
            with self.subTest(script, ranks=ranks):
                script = "if comm.rank == comm.size - 1: print('printed')\n" + script
                out, err = self.run_job(ranks, script, code=1)
                self.assertIn("printed", out)
                self.assertEqual(err.count(f"RuntimeError: {word}"), 1, err)
                self.assertIn("script.py", err)
                self.assertNotIn("has ended", err)

    def test_a_rank_that_raises_without_mpi4py(self):
        for ranks in (1, 2, 3):
            with self.subTest(ranks=ranks):
                is_last = f"comm.rank == {ranks - 1}"
                script = self.loop("raise RuntimeError('too late')")
                script = script.replace("comm.rank == 1", is_last)
                _, err = self.run_job(ranks, script, code=1, options=())
                for word in ("RuntimeError", "too late"):  # in the line and after it
                    self.assertEqual(err.count(word), 2, err)
                ended = f"rank {ranks - 1} has ended"  # ranks write at once
                self.assertEqual(err.count(ended), ranks - 1, err)

    def test_a_rank_that_ends_early(self):
        for options in (UNDER_MPI4PY, ()):
            for ranks, statement in (
                (2, "break"),
                (3, "sys.exit()"),
                (2, "sys.exit(3)"),
                (3, "MPI.Finalize(); break"),
            ):
                with self.subTest(statement, ranks=ranks, options=options):
                    script = self.loop(statement)
                    _, err = self.run_job(ranks, script, code=1, options=options)
                    self.assertIn("rank 1 has ended", err)  # ranks write at once
            inside = "def main():\n" + textwrap.indent(self.loop("return"), "    ")
            _, err = self.run_job(2, inside + "\nmain()", code=1, options=options)
            self.assertIn("rank 1 has ended", err)  # ranks write at once

    def test_a_rank_that_ends_early_in_one_of_two_communicators(self):
        for ranks, split in ((2, "comm.Dup()"), (4, "comm.Split(comm.rank // 2)")):
            for one in ("comm", "other"):
                script = f"""
                other = {split}
                x = Value(1.0)
                for group in (comm, other):
                    x.grad = 1.0
                    average_gradients(x, group)
                for step in range(20 if comm.rank == 1 else 25):
                    x.grad = 1.0
                    average_gradients(x, {one})
                """
                with self.subTest(ranks=ranks, other=split, ends_in=one):
                    _, err = self.run_job(ranks, script, code=1)
                    self.assertIn("rank 1 has ended", err)  # ranks write at once

    def test_an_exit_before_the_first_step(self):
        script = "if comm.rank == 1: sys.exit(3)\n" + self.loop("pass")
        self.run_job(2, script, code=1)

    def test_an_end_that_is_expected(self):
        script = """
        x = Value(1.0)
        for step in range(10 if comm.rank == 1 else 13):
            x.grad = 1.0
            try:
                average_gradients(x, comm)
            except ValueError as error:
                print(error, flush=True)
        """
        for options in (UNDER_MPI4PY, ()):
            out, _ = self.run_job(3, script, options=options)
            self.assertEqual(out.count("rank 1 has ended"), 6)  # three on two ranks

    def test_a_rank_that_is_killed(self):
        script = self.loop("os.kill(os.getpid(), signal.SIGKILL)")
        self.run_job(2, script, code=1)

    def test_mpi_that_is_finalized(self):
        other = "comm = comm.Dup()\n"  # MPI does not free it of itself, as the world
        script = self.loop("pass") + other + self.loop("pass")
        self.run_job(2, script + "\nMPI.Finalize()")
        _, err = self.run_job(2, script + "\nMPI.Finalize()\n1 / 0", code=1)
        self.assertEqual(err.count("ZeroDivisionError"), 2)
        self.assertEqual(err.count("Traceback"), 2)
        self.assertNotIn("MPI routine", err)


@needs_mpi
class TestResumption(Jobs):
    SCRIPT = """
    from test_parallel import STEPS, Training

    path, end, victim = sys.argv[1], *map(int, sys.argv[2:])
    training = Training("adamw")
    parts = {"model": training.model, "optimiser": training.optimiser}
    if comm.rank == 0 and os.path.exists(path):
        checkpoint.load(path, **parts)
    broadcast(parts.values(), comm)
    if comm.rank == 0:
        print("from", training.optimiser.steps, flush=True)

    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    for step in range(training.optimiser.steps, STEPS):
        rows = training.backward(step, 31, share(31, comm))
        average_gradients(training.optimiser.wrt, comm, rows)
        training.optimiser.step()
        if comm.rank == victim and step == end:
            die()
        if comm.rank == 0 and (step + 1) % 10 == 0:
            if victim == 0 and step + 1 >= end:
                os.replace = die
            checkpoint.save(path, **parts)
    np.savez(f"rank{comm.rank}.npz", **training.state())
    """

    def test_jobs_that_are_killed(self):
        """Rank 1 on its way, and rank 0 while it saves."""
        nobody = -1
        for ranks in (2, 3):
            self.run_job(ranks, self.SCRIPT, f"whole{ranks}.npz", "0", str(nobody))
            expected = self.saved(ranks)
            starts = []
            for end, victim in ((36, 1), (60, 0), (95, 1), (0, nobody)):
                path = f"{ranks}.npz"
                arguments = path, str(end), str(victim)
                code = 1 if victim != nobody else 0
                out, _ = self.run_job(ranks, self.SCRIPT, *arguments, code=code)
                starts.append(int(out.split()[1]))
                with np.load(self.folder / path) as file:  # is whole
                    self.assertEqual(len(list(file)), 4 + 2 + 2 * 4)
            self.assertEqual(starts, [0, 30, 50, 90])
            for actual, wanted in zip(self.saved(ranks), expected):
                for name in wanted:
                    np.testing.assert_array_equal(actual[name], wanted[name], name)


if __name__ == "__main__":
    unittest.main()
