"""Faults of today that the fuzzer finds, each with the number of its kind."""

import re
from typing import NamedTuple


class Known(NamedTuple):
    kind: int
    why: str
    checks: str  # regular expressions: of the check and the symptom, and of the steps
    steps: str = ""
    leaves: str = ""

    def describes(self, fault):
        return bool(
            re.fullmatch(self.checks, f"{fault.check}: {fault.symptom}")
            and re.search(self.steps, fault.text)
            and re.search(self.leaves, str(fault.case.leaves))
        )


UNSAFE = [r"\.at\[.*\]\.add\("]  # kind 8: np.add.at can end the whole process

DOCUMENTED = [
    Known(0, "logaddexp, one by one, is the less exact", "NumPy: number", "logsumexp"),
    Known(0, "SciPy's of a number has an axis", "NumPy: shape", r"special\.logsumexp"),
    Known(0, "inf as an integer is anything", "NumPy: .*", "astype"),
    Known(0, "equal operands of fmax and fmin share", "PyTorch: .*", r"np\.fm(ax|in)"),
    Known(0, "empty_like is of zeros", "NumPy: .*", r"np\.empty_like"),
    Known(
        0,
        "maximum(-0.0, 0.0) is either one in NumPy",
        "NumPy: sign.*",
        r"\.clip|maxi|mini",
    ),
    Known(
        0,
        "shapes by data after an own operator",
        "program: error ValueError",
        "gate|cube",
    ),
]
KNOWN = [
    Known(1, "decided by ==, the sign of zero is lost", "program.*: sign of zero"),
    Known(1, "entr(0) is -0.0", "NumPy: sign of zero", r"special\.(entr|xlog)"),
    Known(1, "a product with a number adds 0.0", "NumPy: sign.*", r"np\.(dot|inner)"),
    Known(2, "numbers, scalars and 0-d arrays", "program.*: type .*", "", r"dims=\(\)"),
    Known(
        2,
        "the gradient starts from a weak 1.0",
        "program's .*: number",
        r"np\.(float|array)",
    ),
    Known(2, "the same in what follows", "program.*: dtype", "", r"dims=\(\)"),
    Known(3, "square of booleans", "(program|NumPy): dtype", r"square|\*\* 2"),
    Known(3, "a widened result", "NumPy: dtype", r"percentile|xlogy|xlog1py"),
    Known(3, "of small integers in half", "NumPy: number", "sigmoid"),
    Known(
        4,
        "a parameter of a small dtype",
        "(NumPy|program|building): .*",
        r"np\.u?int\d",
    ),
    Known(4, "a difference of none", "backward: OverflowError", r"np\.diff"),
    Known(8, "multi_dot of numbers", "(program: error|backward): .*", "multi_dot"),
    Known(8, "of a bool of Python", "backward: AttributeError", "", "True|False"),
    Known(14, "log_softmax of inf", "NumPy: nan", "softmax"),
    Known(8, "median over no axes", "backward: .*|against_wide: .*", r"median\(.*\(\)"),
    Known(14, "gammaln(-inf)", "NumPy: infinite", "gammaln"),
    Known(9, "a program warns of integers that wrap, or of log(0)", "errstate: .*"),
]
