"""benchmarks/: what is compared computes the same, by whatever needs NumPy alone."""

import json
import sys
import unittest
from importlib import import_module

import numpy as np
from testing import ROOT, run_python

BENCHMARKS = ROOT / "benchmarks"
FRAMEWORKS = ("numpy", "numpy_in_place", "micrograd", "micrograd_compiled", "scalars")
WORKLOADS = {  # and how many of the frameworks take part
    "moons": 4,
    "moons_anew": 3,
    "digits": 4,
    "inference": 4,
    "waves": 4,
    "lecture": 3,
    "lecture_anew": 2,
}


class TestBenchmarks(unittest.TestCase):
    def setUp(self):
        sys.path.append(str(BENCHMARKS))
        self.addCleanup(sys.path.remove, str(BENCHMARKS))
        self.numbers = import_module("run").numbers
        modules = [import_module(f"frameworks.{name}") for name in FRAMEWORKS]
        self.frameworks = dict(zip(FRAMEWORKS, modules))

    def test_steps(self):
        for workload, count in WORKLOADS.items():
            runs = {}
            for name, framework in self.frameworks.items():
                if hasattr(framework, workload):
                    step = getattr(framework, workload)()
                    runs[name] = [self.numbers(step()) for _ in range(3)]
            self.assertEqual(len(runs), count, workload)
            expected = next(iter(runs.values()))
            for name, outcomes in runs.items():
                with self.subTest(workload, framework=name):
                    np.testing.assert_allclose(outcomes, expected, 1e-4, 1e-6)

    def test_chain(self):
        *phases, freed = self.frameworks["micrograd"].chain(1000, 0.999)
        (outcome,) = [phase for phase in phases if not isinstance(phase, str)]
        exact = [0.999**1000, 0.999**1000, 1000 * 0.999**999]
        np.testing.assert_allclose(outcome, exact)
        self.assertEqual(freed, "free")

    def test_a_measurement(self):
        run = (
            BENCHMARKS / "run.py",
            "step_time",
            "micrograd_compiled",
            '"moons"',
            "0.01",
        )
        measured = json.loads(run_python(*run, PYTHONPATH=str(ROOT)))
        self.assertGreater(measured["figure"], 0)
        self.assertTrue(np.all(np.isfinite(measured["numbers"])))


if __name__ == "__main__":
    unittest.main()
