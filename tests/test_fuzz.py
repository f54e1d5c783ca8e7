"""The fuzzer: it finds what is broken, makes it small, and finds nothing new today.

With FUZZ_SECONDS=600 each hunt takes that long.
"""

import os
import random
import sys
import time
import unittest
from pathlib import Path
from unittest import mock

import fuzz
import numpy as np
from fuzz import Finding, Hunt
from fuzz_cases import Case, Leaf, Step
from testing import run_python

import micrograd
from micrograd import nn
from micrograd.rules import RULES

SECONDS = float(os.environ.get("FUZZ_SECONDS", 15))


def case_of(*texts, leaves=("x0",), **others):
    """Steps of these texts, of arrays of two numbers."""
    leaves = [Leaf(x, "value", "replace", "f8", ("3.0", "0.5"), ("n",)) for x in leaves]

    steps = [Step(f"v{i}", text) for i, text in enumerate(texts)]
    last = steps[-1].name
    return Case(0, tuple(leaves), tuple(steps), (last,), ("x0",), **others)


@unittest.skipIf(
    np.__version__.startswith("1."), "NumPy 1 decides dtypes by the sizes of numbers"
)
class TestHunt(unittest.TestCase):
    def hunted(self, seed, **options):
        hunt = Hunt(**options).run(SECONDS, seed)
        self.assertGreater(hunt.n_cases, 10)
        found = "\n".join(map(fuzz.described, hunt.new))
        return found and f"python tests/fuzz.py --seed {seed}\n{found}"

    def test_the_same_cases(self):
        self.assertFalse(self.hunted(0, most=3))

    def test_new_cases(self):
        seed = random.SystemRandom().randrange(10**6)
        print(f"fuzz: seed {seed}\n{self.hunted(seed, most=3)}")  # no failure by chance


class TestFinding(unittest.TestCase):
    def found(self, case):
        return [finding[:2] for finding in fuzz.findings_of(case)]

    def test_right_ones(self):
        for texts in (["np.exp(x0)"], ["x0 * x0", "np.sum(v0)"], ["cube(x0)"]):
            self.assertEqual(self.found(case_of(*texts)), [])

    def test_a_wrong_value(self):
        with mock.patch.object(RULES[np.exp], "value", lambda x: np.exp(x) + 1e-9):
            self.assertIn(("NumPy", "number"), self.found(case_of("np.exp(x0)")))

    def test_a_wrong_rewrite(self):
        def program(*roots, **options):
            made = micrograd.compiled(*roots, **options)
            return lambda **feeds: -made(**feeds)

        with mock.patch.dict(fuzz.NAMES, compiled=program):
            self.assertIn(("program", "number"), self.found(case_of("np.exp(x0)")))

    def test_a_wrong_derivative_of_integers(self):
        case = case_of("np.sin(x0)")
        leaf = case.leaves[0]._replace(dtype="i1", numbers=("3", "2"))
        broken = (lambda g, y, x: np.cos(x) * np.float64(g * (x.dtype.kind == "f")),)
        with mock.patch.object(RULES[np.sin], "derivatives", broken):
            self.assertIn("float64", dict(self.found(case._replace(leaves=(leaf,)))))

    def test_an_engine_that_overwrites_what_it_gave(self):
        buffer = np.zeros(2)

        def engine(case, names):
            run = fuzz.by_engine(case, names)
            return lambda feeds: [np.add(run(feeds)[0], 0, out=buffer)]

        case = case_of("np.exp(x0)")._replace(wrt=(), lengths=(2, 2))
        with mock.patch.dict(fuzz.ENGINES, {"other": engine}):
            found = [("memory", "an earlier result changed")]
            self.assertEqual(self.found(case), found)

    def test_a_state_that_is_not_taken_over(self):
        with mock.patch.object(nn.Module, "load_state_dict"):
            self.assertEqual(self.found(case_of("-x0")), [("state", "number")])

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork")
    def test_a_case_that_does_not_end(self):
        case = case_of("np.linalg.svd(x0)")
        self.assertTrue(fuzz.ends(case))
        with mock.patch.object(fuzz, "findings_of", lambda _: time.sleep(60)):
            self.assertFalse(fuzz.ends(case, seconds=1))

    def test_it_becomes_small_and_runs_alone(self):
        with mock.patch.object(RULES[np.exp], "value", lambda x: np.exp(x) + 1e-9):
            texts = ["x1 * 2", "np.exp(v0)", "v1 - x0", "v2.sum()"]
            case = case_of(*texts, leaves=("x0", "x1"), lengths=(2, 3))
            finding = fuzz.minimised(Finding("NumPy", "number", case))
        self.assertEqual([step.text for step in finding.case.steps], ["np.exp(x0)"])
        lines = finding.case.script()
        self.assertLess(len(lines.splitlines()), 20)
        path = str(Path(fuzz.__file__).parent)
        run_python("-c", lines, PYTHONPATH=os.pathsep.join([path, *sys.path]))

    def test_the_same_seed_gives_the_same_case(self):
        self.assertEqual(fuzz.drawn(7), fuzz.drawn(7))


if __name__ == "__main__":
    unittest.main()
