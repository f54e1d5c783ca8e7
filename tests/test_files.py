"""Model files: there and back, damaged, foreign or out of reach, and cut short."""

import io
import os
import pickle
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import unittest
import zipfile
from pathlib import Path
from unittest import mock

import numpy as np
from testing import ROOT, new_folder

from micrograd import Value, nn
from micrograd.checkpoint import read

LIMITED = """
import resource, signal, sys
import numpy as np
from micrograd import nn

path, limit, action = sys.argv[1], int(sys.argv[2]), sys.argv[3]
model = nn.MLP(20, [30, 1])
signal.signal(signal.SIGXFSZ, getattr(signal, action))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    model.save(path)
except OSError:
    print("refused")
"""
UNPRIVILEGED = """
import os, sys
from micrograd import nn

method, path, spare = sys.argv[1:]
model = nn.MLP(20, [30, 1])
model.save(spare)  # imports all that is needed
model.load(spare)
before = model.state_dict()
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    getattr(model, method)(path)
except PermissionError:
    after = model.state_dict()
    print("refused", all((after[name] == before[name]).all() for name in before))
"""


class Trap:
    """Leaves a trace where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


class FilesTest(unittest.TestCase):
    def setUp(self):
        self.folder = new_folder(self)
        self.path = self.folder / "model.npz"
        self.model = nn.MLP(20, [30, 1], rng=np.random.default_rng(0))
        self.model.save(self.path)
        self.content = self.path.read_bytes()
        self.model(np.ones((5, 20))).backward()
        self.before = [(v.data, v.grad) for v in self.model.parameters()]
        self.copies = [np.copy(array) for pair in self.before for array in pair]

    def tearDown(self):
        """The net and its file are what they were, and as good."""
        after = [(v.data, v.grad) for v in self.model.parameters()]
        old, new = (
            [a for pair in pairs for a in pair] for pairs in (self.before, after)
        )
        for i, array in enumerate(new):
            self.assertIs(array, old[i])
            np.testing.assert_array_equal(array, self.copies[i])
        self.assertEqual(self.path.read_bytes(), self.content)
        other = nn.MLP(20, [30, 1])
        other.load(self.path)
        for value, expected in zip(other.parameters(), self.model.parameters()):
            np.testing.assert_array_equal(value.data, expected.data)

    def assert_ends(self, expected, code, *arguments):
        """What Python, running the code, prints and returns."""
        environment = dict(os.environ)
        environment.pop("COVERAGE_PROCESS_CONFIG", None)  # would write files, too
        outcome = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        ended = outcome.stdout.strip(), outcome.returncode
        self.assertEqual(ended, expected, outcome.stderr)


class TestFiles(unittest.TestCase):
    def setUp(self):
        self.folder = new_folder(self)
        self.path = self.folder / "model.npz"
        self.model = nn.MLP(2, [4, 1])

    def assert_same(self, model, other):
        for value, expected in zip(model.parameters(), other.parameters()):
            np.testing.assert_array_equal(value.data, expected.data)
            self.assertEqual(value.dtype, expected.dtype)

    def test_round_trip(self):
        for path in (self.path, str(self.path), self.folder / "model"):
            with self.subTest(path=path):
                self.model.save(path)
                other = nn.MLP(2, [4, 1])
                other.load(path)
                self.assert_same(other, self.model)

    def test_is_numpys_file(self):
        self.model.save(self.path)
        with np.load(self.path, allow_pickle=False) as file:
            state = self.model.state_dict()
            self.assertEqual(set(file), set(state))
            for name in file:
                np.testing.assert_array_equal(file[name], state[name])

    def test_dtype_is_kept(self):
        layers = nn.Layer(2, 3), nn.Layer(2, 3)
        for layer in layers:
            layer.w.data = layer.w.data.astype(np.float32)
        layers[0].save(self.path)
        layers[1].load(self.path)
        self.assert_same(*layers)
        self.assertEqual(layers[1].w.dtype, np.float32)

    def test_takes_the_place_of_an_older_one(self):
        for _ in range(2):
            self.model.layers[0].w.data += 1
            self.model.save(self.path)
            other = nn.MLP(2, [4, 1])
            other.load(self.path)
            self.assert_same(other, self.model)
            self.assertEqual(os.listdir(self.folder), ["model.npz"])

    def test_a_crash_while_saving(self):
        def half(file, *_, **__):
            """A full disk, when half of the file is written."""
            if hasattr(file, "write"):
                file.write(b"half")
            else:
                Path(file).write_bytes(b"half")
            raise OSError("no space left")

        self.model.save(self.path)
        content = self.path.read_bytes()
        for name, crash in [
            ("numpy.save", half),
            ("os.replace", OSError("crash")),
            ("numpy.save", KeyboardInterrupt()),
            ("os.replace", KeyboardInterrupt()),
            ("os.fsync", KeyboardInterrupt()),
            ("os.stat", PermissionError()),
        ]:
            with self.subTest(name, crash=crash):
                self.model.layers[0].w.data += 1
                with mock.patch(name, side_effect=crash):
                    with self.assertRaises((OSError, KeyboardInterrupt)):
                        self.model.save(self.path)
                self.assertEqual(self.path.read_bytes(), content)
                self.assertEqual(os.listdir(self.folder), ["model.npz"])


class TestLoad(FilesTest):
    def refused(self, content):
        path = self.folder / "other.npz"
        path.write_bytes(content)
        with self.assertRaisesRegex(ValueError, "expected a file of save"):
            self.model.load(path)

    def test_truncated(self):
        n = len(self.content)
        for length in [*range(5), *range(5, n, 97), n - 22, n - 21, n - 2, n - 1]:
            with self.subTest(length=length):
                self.refused(self.content[:length])

    def test_a_flipped_byte(self):
        """Is found, unless it is one that nobody reads."""
        path = self.folder / "other.npz"
        for i in range(0, len(self.content), 13):
            content = bytearray(self.content)
            content[i] ^= 0xFF
            path.write_bytes(content)
            other = nn.MLP(20, [30, 1], rng=np.random.default_rng(i))
            before = other.state_dict()
            with self.subTest(byte=i):
                try:
                    other.load(path)
                    before = self.model.state_dict()
                except ValueError:
                    pass
                for name, array in other.state_dict().items():
                    np.testing.assert_array_equal(array, before[name])

    def test_of_another_model(self):
        path = self.folder / "other.npz"
        for other, words in [
            (nn.MLP(20, [30, 30, 1]), ["layers.2.w", "(30, 30)"]),
            (nn.MLP(20, [1]), ["layers.1.w", "layers.0.w", "(20, 30)"]),
            (nn.MLP(20, [31, 1]), ["layers.0.b", "(30,)", "(31,)"]),
            (nn.MLP(30, [20, 1]), ["layers.0.w", "(20, 30)", "(30, 20)"]),
            (nn.Layer(20, 30), ["missing", "layers.0.w", "unexpected: w of"]),
        ]:
            other.save(path)
            with self.subTest(words), self.assertRaises(ValueError) as caught:
                self.model.load(path)
            for word in words:
                self.assertIn(word, str(caught.exception))

    def test_foreign_files(self):
        for content in [b"words", b"\0" * 1000, pickle.dumps({"a": 1}), b"\x93NUMPY"]:
            with self.subTest(content[:10]):
                self.refused(content)
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("letter.txt", "words")
        path = self.folder / "other.npz"
        path.write_bytes(archive.getvalue())
        with self.assertRaises((TypeError, ValueError)):
            self.model.load(path)

    def test_pickled_objects_are_never_made(self):
        trace = self.folder / "trace"
        trap = Trap(trace)
        pickle.loads(pickle.dumps(trap))
        trace.rmdir()  # it does what it should
        archive, array = io.BytesIO(), io.BytesIO()
        state = self.model.state_dict()
        np.savez(archive, **{**state, "layers.1.b": np.array(trap, object)})
        np.save(array, np.array([trap], object))
        for content in (archive.getvalue(), array.getvalue(), pickle.dumps(trap)):
            self.refused(content)
            self.assertFalse(trace.exists())

    def test_numbers_that_are_not_real(self):
        state = self.model.state_dict()
        for array in (np.full((20, 30), 1j), np.full((20, 30), "x")):
            archive = io.BytesIO()
            np.savez(archive, **{**state, "layers.0.w": array})
            words = f"layers.0.w: expected real numbers, got {array.dtype}"
            with self.subTest(words):
                path = self.folder / "other.npz"
                path.write_bytes(archive.getvalue())
                with self.assertRaises(TypeError) as caught:
                    self.model.load(path)
                self.assertIn(words, str(caught.exception))

    def test_paths(self):
        (self.folder / "dangling").symlink_to(self.folder / "nothing")
        for error, path in [
            (FileNotFoundError, self.folder / "nothing"),
            (FileNotFoundError, self.folder / "dangling"),
            (NotADirectoryError, self.path / "model.npz"),
            (TypeError, None),
            (TypeError, 12.5),
        ]:
            with self.subTest(path=path), self.assertRaises(error):
                self.model.load(path)


class TestNames(unittest.TestCase):
    def test_names_that_archives_confuse(self):
        net = nn.Module()
        net.parts = {"w": Value(1.0), "w.npy": Value(2.0), "w.npy.npy": Value(3.0)}
        path = new_folder(self) / "net.npz"
        net.save(path)
        content = path.read_bytes()
        for value in net.parameters():
            value.data = 0.0
        net.load(path)
        self.assertEqual([value.data for value in net.parameters()], [1, 2, 3])
        net.parts["a\0b"] = Value(4.0)
        with self.assertRaisesRegex(ValueError, r"cannot have the name 'parts.a\\x00b"):
            net.save(path)
        self.assertEqual(path.read_bytes(), content)
        self.assertEqual(os.listdir(path.parent), ["net.npz"])

    def test_any_name_can_be_saved(self):
        """Also those of parameters of numpy.savez."""

        class Net(nn.Module):
            def __init__(self, start):
                self.file, self.allow_pickle = Value(start), Value([start])
                self.path = {"a/b": Value(start), "ü": Value(start)}

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "net.npz")
            Net(2.0).save(path)
            net = Net(1.0)
            net.load(path)
        loaded = [float(value.sum()) for value in net.parameters()]
        self.assertEqual(loaded, [2.0] * 4)


class TestSave(FilesTest):
    def tearDown(self):
        self.assertEqual(os.listdir(self.folder), ["model.npz"])
        super().tearDown()

    def test_who_reads_the_old_file_can_read_on(self):
        with open(self.path, "rb") as file:
            nn.MLP(20, [30, 1]).save(self.path)
            self.assertEqual(file.read(), self.content)
        self.path.write_bytes(self.content)

    def test_paths(self):
        for error, path in [
            (FileNotFoundError, self.folder / "nowhere" / "model.npz"),
            (NotADirectoryError, self.path / "model.npz"),
            (OSError, self.folder / ("x" * 300)),
            (ValueError, f"{self.path}\0"),
        ]:
            with self.subTest(path=path), self.assertRaises(error):
                self.model.save(path)


class TestLinks(FilesTest):
    @unittest.skipUnless(hasattr(os, "symlink"), "there are no symbolic links")
    def test_a_link_stays(self):
        """What it points to is replaced, in its own folder."""
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        real, link = elsewhere / "real.npz", self.folder / "link.npz"
        for content in (None, b"old"):
            if content:
                real.write_bytes(content)
            if not link.is_symlink():
                link.symlink_to(real)
            self.model.save(link)
            self.assertTrue(link.is_symlink())
            self.assertEqual(real.read_bytes(), self.content)
            self.assertEqual([path.name for path in elsewhere.iterdir()], ["real.npz"])
            nn.MLP(20, [30, 1]).load(link)


@unittest.skipUnless(os.name == "posix", "modes, pipes and links are POSIX's")
class TestPlaces(unittest.TestCase):
    """What stands at a path decides what saving there does."""

    def setUp(self):
        self.folder = new_folder(self)
        self.path = self.folder / "model.npz"
        self.model = nn.MLP(2, [3, 1])

    def mode(self):
        return stat.S_IMODE(self.path.stat().st_mode)

    def test_modes(self):
        self.addCleanup(os.umask, os.umask(0o027))
        self.model.save(self.path)
        self.assertEqual(self.mode(), 0o640)
        for mode in (0o600, 0o644, 0o444, 0o666, 0o700):
            self.path.chmod(mode)
            self.model.save(self.path)
            self.assertEqual(self.mode(), mode)

    def test_nobody_reads_a_secret_meanwhile(self):
        self.model.save(self.path)
        self.path.chmod(0o600)
        modes = []

        def look(*_):
            modes.extend(stat.S_IMODE(p.stat().st_mode) for p in self.folder.iterdir())

        with mock.patch("os.fsync", look):
            self.model.save(self.path)
        self.assertEqual(modes, [0o600, 0o600])

    def test_what_is_no_file(self):
        fifo, made = self.folder / "fifo", set(os.listdir(self.folder))
        os.mkfifo(fifo)
        link = self.folder / "link"
        link.symlink_to(fifo)
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(str(self.folder / "socket"))
        made |= {"fifo", "link", "socket"}
        for path in (fifo, link, self.folder / "socket", "/dev/null"):
            with self.assertRaisesRegex(OSError, "expected a file, got the pipe or d"):
                self.model.save(path)
        for path in (self.folder, f"{self.folder}/new/", ".", ""):
            with self.assertRaisesRegex(IsADirectoryError, "expected a file, got the"):
                self.model.save(path)
        self.assertEqual(set(os.listdir(self.folder)), made)
        self.assertTrue(stat.S_ISFIFO(fifo.stat().st_mode))
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))

    def test_planted_links_are_not_followed(self):
        """Nobody can tell the name of the draft; and if he could, it is an error."""
        victim = self.folder / "victim"
        victim.write_text("precious")
        names = []
        for _ in range(3):
            with mock.patch(
                "os.replace", side_effect=lambda draft, _: names.append(draft)
            ):
                self.model.save(self.path)
        self.assertEqual(len(set(names)), 3)
        with mock.patch("os.urandom", return_value=bytes(8)):
            planted = self.folder / f"model.npz.{'0' * 16}.tmp"
            planted.symlink_to(victim)
            with self.assertRaises(FileExistsError):
                self.model.save(self.path)
        self.assertEqual(victim.read_text(), "precious")

    def test_long_names(self):
        for name in ("m" * 255, "ü" * 127):
            path = self.folder / name
            self.model.save(path)
            nn.MLP(2, [3, 1]).load(path)
        self.assertEqual(len(os.listdir(self.folder)), 2)

    @unittest.skipUnless(sys.platform == "linux", "elsewhere it is no link")
    def test_a_descriptor_that_is_a_file(self):
        self.model.save(self.path)
        with open(self.path) as file:
            self.model.save(f"/dev/fd/{file.fileno()}")
        self.assertEqual(os.listdir(self.folder), ["model.npz"])
        nn.MLP(2, [3, 1]).load(self.path)


class TestAtOnce(unittest.TestCase):
    """Several write to one path: readers find one of the files, whole."""

    def setUp(self):
        self.path = new_folder(self) / "model.npz"

    def models(self, n):
        for i in range(n):
            model = nn.MLP(20, [30, 1])
            for value in model.parameters():
                value.data[...] = i
            yield model

    def assert_whole(self):
        found = {x for array in read(self.path).values() for x in array.flat}
        self.assertEqual(len(found), 1)

    def test_threads(self):
        models = [*self.models(4)]
        models[0].save(self.path)
        failures = []

        def save(model):
            try:
                for _ in range(30):
                    model.save(self.path)
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=save, args=(model,)) for model in models]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self.assert_whole()
        self.assertEqual(failures, [])
        self.assertEqual(os.listdir(self.path.parent), ["model.npz"])

    def test_processes_of_one_number(self):
        """As in containers that share a folder."""
        first, second = self.models(2)

        def come_between(file):
            with mock.patch("os.fsync"):
                second.save(self.path)

        with mock.patch("os.getpid", return_value=1):
            with mock.patch("os.fsync", come_between):
                first.save(self.path)
        self.assert_whole()
        self.assertEqual(os.listdir(self.path.parent), ["model.npz"])


@unittest.skipUnless(os.name == "posix", "limits and users are POSIX's")
class TestCutShort(FilesTest):
    def test_directory(self):
        directory = self.folder / "directory"
        for name in ("", "content"):
            (directory / name).mkdir()
            for method in (self.model.load, self.model.save):
                with self.assertRaises(IsADirectoryError):
                    method(directory)
            self.assertEqual(os.listdir(directory), [name] if name else [])
        self.assertEqual(set(os.listdir(self.folder)), {"directory", "model.npz"})

    def test_full_disk(self):
        for limit in (0, 100, 4096, len(self.content) // 2, len(self.content) - 1):
            with self.subTest(limit=limit):
                self.assert_ends(("refused", 0), LIMITED, self.path, limit, "SIG_IGN")
                self.assertEqual(self.path.read_bytes(), self.content)
                self.assertEqual(os.listdir(self.folder), ["model.npz"])

    def test_killed(self):
        """The process ends in the middle of a write, and cleans nothing up."""
        for limit in (0, 4096, len(self.content) - 1):
            with self.subTest(limit=limit):
                ended = "", -signal.SIGXFSZ
                self.assert_ends(ended, LIMITED, self.path, limit, "SIG_DFL")
                self.assertEqual(self.path.read_bytes(), self.content)
        left = [name for name in os.listdir(self.folder) if name != "model.npz"]
        self.assertEqual(len(left), 3)
        for name in left:
            self.assertRegex(name, r"^model\.npz\.[0-9a-f]{16}\.tmp$")
        nn.MLP(20, [30, 1]).save(self.path)  # what is left lies in nobody's way
        self.assertNotEqual(self.path.read_bytes(), self.content)
        self.path.write_bytes(self.content)

    def test_no_limit(self):
        """The script of the two tests above saves what can be saved."""
        path = self.folder / "other.npz"
        self.assert_ends(("", 0), LIMITED, path, 2 * len(self.content), "SIG_DFL")
        nn.MLP(20, [30, 1]).load(path)

    def test_no_permission(self):
        with tempfile.TemporaryDirectory() as spare:
            for method, folder_mode, file_mode in [
                ("save", 0o555, 0o644),
                ("load", 0o755, 0o000),
            ]:
                self.folder.chmod(folder_mode)
                self.path.chmod(file_mode)
                arguments = method, self.path, Path(spare, "spare.npz")
                with self.subTest(method):
                    self.assert_ends(("refused True", 0), UNPRIVILEGED, *arguments)
                self.folder.chmod(0o755)
                self.path.chmod(0o644)
        self.assertEqual(os.listdir(self.folder), ["model.npz"])


if __name__ == "__main__":
    unittest.main()
