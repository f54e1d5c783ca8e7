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
# LAPACK's iterations may never end on data that is infinite or nan.
ENDLESS = r"linalg\.(svd|pinv|cond|matrix_rank|matrix_norm|norm|lstsq|eig)"

DOCUMENTED = [  # no faults: differences that the docs name, and freedoms of NumPy
    Known(0, "logaddexp, one by one, is less exact", "NumPy: number", "logsumexp"),
    Known(0, "SciPy's of a number has an axis", "NumPy: shape", r"special\.logsumexp"),
    Known(0, "inf as an integer is anything", "NumPy: .*", "astype"),
    Known(0, "equal operands of fmax and fmin share", "PyTorch: .*", r"np\.fm(ax|in)"),
    Known(0, "empty_like is of zeros", "NumPy: .*", r"np\.empty_like"),
    Known(0, "maximum(-0.0, 0.0) is either", "NumPy: sign.*", r"\.clip|maxi|mini"),
    Known(
        0, "lengths by data, own operators", "program: error ValueError", "gate|cube"
    ),
    Known(0, "squeeze keeps what was open", "built anew: shape", r"squeeze"),
    Known(
        0, "which of equal ones", "PyTorch: number", "quantile|percentile|median|sort"
    ),
    Known(0, "others in any order", "NumPy: .*", r"np\.(arg)?partition"),
    Known(0, "-inf * 0.0 is 0.0 there", "NumPy: nan", r"np\.(dot|inner|vdot)"),
    Known(0, "of equal numbers", "PyTorch: number", "corrcoef"),
    Known(0, "of a singular matrix", "(backward|against_.*): LinAlgError", "linalg"),
]
SMALL = "dtype='[iu][1248]|dtype='[?]|int8|uint|True|False"
FEW_DIGITS = "'>?([fiu][124]|g|[?])'|float(16|32)|longdouble|int(8|16)|True|False"
KNOWN = [
    Known(
        0,
        "empty_like and others keep a length that follows data",
        "(program|module).*: .*",
        "(empty|zeros|ones|full)_like",
    ),
    Known(1, "decided by ==, the sign of zero is lost", "program.*: sign of zero"),
    Known(
        1,
        "so infinity flips",
        "program.*: (infinite|number|nan|shape|error OtherShape)",
        r"where\(.*-1\.0|\* 0\)|copysign",
    ),
    Known(1, "the same", "program.*: (infinite|nan)", r"relu|max|min|sum|- 0|0\.0 \+"),
    Known(1, "the same", "program.*: (number|shape)", "signbit|copysign"),
    Known(1, "entr(0) is -0.0", "NumPy: sign of zero", r"special\.(entr|xlog)"),
    Known(1, "a product with a number adds 0.0", "NumPy: sign.*", r"np\.(dot|inner)"),
    Known(2, "numbers, scalars, 0-d arrays", "program.*: type .*", r""),
    Known(
        2,
        "the seed is a weak 1.0",
        "program's .*: number",
        r'/|divide|reciprocal|"f[24]"|np\.float',
    ),
    Known(
        2,
        "a number to a power of few digits",
        "program's .*: .*",
        r"\*\*|power",
        "'[fg][24]?'|float32|float16",
    ),
    Known(
        2,
        "the seed is a weak 1.0",
        "program's .*: (number|nan|infinite|overflow)",
        "",
        FEW_DIGITS,
    ),
    Known(2, "numbers that fit no small dtype", "program: .*OverflowError"),
    Known(
        2, "numbers divided by Python", "program: error ZeroDivisionError", "/|reciproc"
    ),
    Known(2, "a number of det", "(program: error|compiling:) TypeError", "det|vecdot"),
    Known(2, "a bool of Python", "built anew: .*", "", "True|False"),
    Known(2, "numbers that are fed", "built anew: .*", "", r"lazy.*dims=\(\)"),
    Known(2, "the same in what follows", "program.*: dtype", "", r"dims=\(\)"),
    Known(
        3, "square of booleans", "(program|NumPy): dtype", r"square|\*\* 2|mask of r"
    ),
    Known(1, "gammaln at -0.0", "program's gradient: infinite", "gammaln"),
    Known(
        3, "widened", "NumPy: dtype", r"percentile|xlogy|xlog1py|np\.select|, None\)"
    ),
    Known(3, "in single where SciPy is in double", "NumPy: number", "xlogy|xlog1py"),
    Known(3, "of small integers in half", "NumPy: number", "sigmoid"),
    Known(3, "digamma(-0.0)", "NumPy: infinite", "digamma"),
    Known(3, "small integers inside derivatives", "wide: .*", "", SMALL),
    Known(
        4,
        "of a small dtype",
        "(NumPy|program.*|building|backward|PyTorch|wide): .*",
        r"np\.u?int\d|u1",
    ),
    Known(
        3,
        "means of halves",
        "NumPy: (infinite|number|nan)",
        "mean|average|var|std|cov|corrcoef",
    ),
    Known(
        3,
        "spacings of few digits",
        "NumPy: .*",
        r"np\.gradient",
        FEW_DIGITS,
    ),
    Known(3, "logarithms of a small base", "wide: number", r"\*\*|power"),
    Known(
        6, "sums one after another", "program.*: number", "", r"dims=\((256|1500|5000),"
    ),
    Known(7, "a raw array that changes", "changed constant: .*"),
    Known(8, "a difference of none", "(backward|program): .*", r"np\.diff"),
    Known(8, "multi_dot of numbers", "(program|against_.*|backward): .*", "multi_dot"),
    Known(8, "interp of bools", "(backward|against_.*): TypeError", r"np\.interp"),
    Known(5, "0 where, by multiplication", "PyTorch: nan", r"\*\*|sqrt|power"),
    Known(0, "integers of no length", "program's gradient: dtype", "partition|sort"),
    Known(8, "places of zeros", "saving: IndexError", "argwhere|nonzero"),
    Known(
        3,
        "constants of few digits",
        "wide: number",
        "logaddexp",
        "",
    ),
    Known(
        5, "near the smallest numbers", "PyTorch: (nan|infinite)", r"det|arctan2", "e-3"
    ),
    Known(
        8, "repeat of a number", "backward: (ZeroDivision|Value)Error", r"np\.repeat"
    ),
    Known(
        8,
        "of a bool of Python",
        "(backward|program): .*AttributeError",
        "",
        "True|False",
    ),
    Known(8, "of booleans", "(backward|program|against_wide): .*TypeError", "norm"),
    Known(
        8,
        "means of nothing",
        "program.*: error ZeroDivisionError",
        "mean|average|var|std",
    ),
    Known(8, "over no axes", "(backward|against_wide): .*", r"(median|tile)\(.*\(\)"),
    Known(9, "integers that wrap, log(0)", "errstate: .*"),
    Known(14, "gammaln(-inf)", "NumPy: infinite", "gammaln"),
    Known(14, "log_softmax of inf", "NumPy: nan", "softmax"),
]
