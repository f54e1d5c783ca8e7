"""examples/: each program runs as a user runs it, and prints what it promises."""

import re
import shutil
import unittest

from testing import ROOT, is_installed, needs, new_folder, run_python

EXAMPLES = ROOT / "examples"


def run(name, *arguments):
    # On a busy machine, two threads wait for each other longer than one computes.
    settings = {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    return run_python(EXAMPLES / name, *arguments, **settings)


MISSING = [
    name
    for name in ("gcc", "arm-none-eabi-gcc", "arm-none-eabi-size", "qemu-system-arm")
    if shutil.which(name) is None
]


class TestBoard(unittest.TestCase):
    @needs("sklearn")
    @unittest.skipIf(MISSING, f"needs {' and '.join(MISSING)}")
    def test_a_net_adapts_on_a_cortex_m4(self):
        printed = run("board/board.py", "--to", new_folder(self))
        found = re.findall(r": (\d+\.?\d*)", printed)
        before, after, predict, adapt, stack, step = map(float, found)
        self.assertLess(before, 60)
        self.assertGreater(after, 90)
        self.assertLess(predict, 1000)
        self.assertLess(adapt, 3000)
        self.assertLess(stack, 8000)
        self.assertLess(step, 1e6)
        self.assertIn("right after 200 steps", printed)
        self.assertIn("parameters: the same bits as here", printed)


class TestExamples(unittest.TestCase):
    def run_and_draw(self, name):
        """What it prints; where there is matplotlib, it has to draw a picture, too."""
        if not is_installed("matplotlib"):
            return run(name)
        picture = new_folder(self) / "picture.png"
        printed = run(name, "--picture", picture)
        self.assertEqual(picture.read_bytes()[:4], b"\x89PNG")
        return printed

    def run_and_match(self, name, pattern):
        """The numbers in what it prints, all of which has to match the pattern.

        There is a # for each number.
        """
        printed = self.run_and_draw(name)
        pattern = re.escape(pattern).replace(re.escape("#"), r"(-?\d+\.?\d*)")
        match = re.fullmatch(pattern + r"\n", printed)
        self.assertTrue(match, printed)
        return [float(number) for number in match.groups()]

    def assert_near(self, found, expected, tolerance):
        self.assertLess(abs(found - expected), tolerance, f"{found} is not {expected}")

    @needs("scipy")
    def test_gaussian_process(self):
        size, distance, noise, after, before = self.run_and_match(
            "gaussian_process.py",
            "size: #, drawn with 1.5\n"
            "distance: #, drawn with 0.8\n"
            "noise: #, drawn with 0.2\n"
            "held-out log likelihood: #, before: #",
        )
        self.assert_near(size, 1.5, 0.3)
        self.assert_near(distance, 0.8, 0.08)
        self.assert_near(noise, 0.2, 0.03)
        self.assertGreater(after, before + 0.5)

    @needs("scipy")
    def test_mixture_of_gaussians(self):
        cloud = "a cloud of #% around (#, #)\n"
        numbers = self.run_and_match(
            "mixture_of_gaussians.py",
            3 * cloud + "held-out log likelihood: #, of the true mixture: #",
        )
        clouds = [(50, -3, 0), (30, 0, 3), (20, 3, -1)]
        for i, (weight, x, y) in enumerate(clouds):
            self.assert_near(numbers[3 * i], weight, 5)
            self.assert_near(numbers[3 * i + 1], x, 0.25)
            self.assert_near(numbers[3 * i + 2], y, 0.25)
        found, true = numbers[-2:]
        self.assert_near(found, true, 0.03)

    def test_ode_fit(self):
        rates = {"births": 1.1, "hunting": 0.3, "deaths": 0.5, "growth": 0.1}
        lines = [f"{name}: #, made with {rate}" for name, rate in rates.items()]
        found = self.run_and_match("ode_fit.py", "\n".join(lines))
        for rate, expected in zip(found, rates.values()):
            self.assert_near(rate, expected, 0.02 * expected)

    def test_lstm(self):
        first, _, written = self.run_and_draw("lstm.py").partition("\n")
        last, at_first = map(float, re.findall(r"\d+\.\d+", first))
        self.assertLess(last, at_first / 10)
        source = (EXAMPLES / "lstm.py").read_text(encoding="utf-8")
        (verse,) = re.findall(r'^VERSE = """\\\n(.*?)"""', source, re.M | re.S)
        self.assertEqual(written, verse)

    @needs("sklearn")
    def test_autoencoder(self):
        lost, of_mean = self.run_and_match(
            "autoencoder.py",
            "held-out reconstruction error: #, of the mean image: #",
        )
        self.assertLess(lost, 0.19)
        self.assert_near(of_mean, 0.273, 0.005)

    def test_burgers(self):
        errors = self.run_and_match(
            "burgers.py",
            "t = 0.25: relative error #\n"
            "t = 0.5: relative error #\n"
            "t = 1.0: relative error #",
        )
        for error in errors:
            self.assertLess(error, 0.02)

    def test_laplace(self):
        share, at_data, in_gap, outside = self.run_and_match(
            "laplace.py",
            "new observations in the band: # %\n"
            "deviation in the data, at 0.7: #\n"
            "deviation in the gap, at 0.05: #\n"
            "deviation outside, at 1.5: #",
        )
        self.assert_near(share, 95.4, 4)  # within two deviations of a normal one
        self.assert_near(at_data, 0.1, 0.02)  # the noise alone
        self.assertGreater(in_gap, 2 * at_data)
        self.assertGreater(outside, 2 * at_data)

    def test_each_has_a_test(self):
        for program in EXAMPLES.glob("*.py"):
            self.assertTrue(hasattr(self, f"test_{program.stem}"), program.name)


if __name__ == "__main__":
    unittest.main()
