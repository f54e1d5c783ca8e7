"""What the fuzzer finds today: faults, and differences that are no faults."""

import re
from typing import NamedTuple


class Known(NamedTuple):
    """A pattern of findings; all but `kind` and `why` are regular expressions."""

    kind: int  # of fault, as the list of faults numbers them; 0 for others
    why: str
    findings: str  # "check: symptom"
    steps: str = ""
    leaves: str = ""
    is_fault: bool = True

    def describes(self, finding):
        return bool(
            re.fullmatch(self.findings, f"{finding.check}: {finding.symptom}")
            and re.search(self.steps, finding.case.text)
            and re.search(self.leaves, str(finding.case.leaves))
        )


def no_fault(*fields):
    """A difference that the docs name, or a freedom of NumPy."""
    return Known(0, *fields, is_fault=False)


# LAPACK's iterations may never end on data that is infinite or nan.
ENDLESS = r"linalg\.(svd|pinv|cond|matrix_rank|matrix_norm|norm|lstsq|eig)"

SMALL = "dtype='[iu][1248]|dtype='[?]|int8|uint|True|False"
FEW_DIGITS = "'>?(f[24]|[iu].|g|[?])'|float(16|32)|longdouble|int|True|False"
KNOWN = [
    no_fault("logaddexp, one by one, is less exact", "NumPy: number", "logsumexp"),
    no_fault("SciPy's of a number has an axis", "NumPy: shape", "special.logsumexp"),
    no_fault("inf as an integer is anything", "NumPy: .*", "astype"),
    no_fault("equal operands share", "PyTorch: .*", r"np\.fm(ax|in)"),
    no_fault("empty_like is of zeros", "NumPy: .*", "empty_like"),
    no_fault("maximum(-0.0, 0.0) is either", "NumPy: sign.*", "clip|maxi|mini"),
    no_fault("lengths by data, own operators", "program: error ValueE.*", "gate|cube"),
    no_fault("squeeze keeps what was open", "built anew: shape", "squeeze"),
    no_fault("which of equal ones", "PyTorch: number", "quantile|percen|median|sort"),
    no_fault("ties, to few digits", "float64: number", "max|min|clip|quan|medi|sort"),
    no_fault("a rounded number as an integer", "NumPy: number", "linspace"),
    no_fault("the others in any order", "NumPy: .*", "partition"),
    no_fault(
        "BLAS: -inf * 0.0 is 0.0", "NumPy: nan", r"np\.(dot|inner|vdot)|multi_dot"
    ),
    no_fault(
        "0-d arrays, added, are scalars", "program's gradient: type ndarray for f.*"
    ),
    no_fault("powers, before NumPy 2.2", "NumPy: (dtype|nan)", r"\*\*|pow"),
    no_fault(
        "-0.0 + 0.0 in BLAS", "NumPy: sign.*", "linalg|mat|vec| @ |einsum|tensordot"
    ),
    no_fault("a row of equal numbers", "PyTorch: number", "corrcoef"),
    no_fault("a singular matrix", "(backward|against_.*): LinAlgError", "linalg"),
    no_fault(
        "the same", "(float64|PyTorch): number", r"linalg\.(qr|\w*inv|sol|svd|eig)"
    ),
    Known(1, "entr(0) is -0.0", "NumPy: sign of zero", r"special\.(entr|xlog)"),
    Known(1, "a product with a number adds 0.0", "NumPy: sign.*", r"np\.(dot|inner)"),
    Known(3, "small dtypes inside derivatives", "float64: .*", "", SMALL),
    Known(3, "logarithms in half", "float64: number", r"\*\*|pow|logaddexp"),
    Known(
        3, "square of booleans", "(program|NumPy): dtype", r"square|\*\* 2|mask of r"
    ),
    Known(3, "widened", "NumPy: dtype", r"percentile|xlogy|xlog1py|select|, None\)"),
    Known(3, "single or half where it is double", "NumPy: number", "xlog|sigmoid"),
    Known(3, "digamma(-0.0)", "NumPy: infinite", "digamma"),
    Known(
        3, "means of halves", "NumPy: .*", "mean|average|var|std|cov|corr", FEW_DIGITS
    ),
    Known(3, "spacings", "(NumPy|built anew|program.*): .*", r"np\.(gradient|ediff1d)"),
    Known(5, "0 where, by multiplication", "PyTorch: nan", r"\*\*|sqrt|pow"),
    Known(5, "very small numbers", "PyTorch: (nan|infinite)", "det|tan2", "e-3"),
    Known(14, "betaln where an operand is not positive", ".*: .*", "betaln"),
    Known(14, "gammainc of extreme numbers", "(NumPy|building): .*", "gammainc"),
    Known(14, "gammaln(-inf)", "NumPy: infinite", "gammaln"),
    Known(14, "log_softmax of inf", "NumPy: nan", "softmax"),
]


def known(finding):
    """The first entry that describes it, or None."""
    return next((x for x in KNOWN if x.describes(finding)), None)
