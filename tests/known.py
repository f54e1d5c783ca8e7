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
    no_fault(
        "leaves of another kind later", "expression.*: d?type.*", "", r"forms=\('.*', '"
    ),
    no_fault(
        "a float where its leaf held one",
        "program.*: (d?type.*|number)",
        "",
        r"forms=\('[^n][^']*', '",
    ),
    no_fault(
        "leaves of another shape later", "expression.*: .*", "", "kind='value'.*'n'"
    ),
    no_fault(
        "halves in single", "expression's gradient: sign of zero", "", "float16|f2"
    ),
    no_fault("gammainc by its first operand", "compiling: TypeError", "gammainc"),
    no_fault("a sum of one, at any length", "module: sign of zero"),
    no_fault("powers, before NumPy 2.2", "NumPy: (dtype|nan)", r"\*\*|pow"),
    no_fault(
        "-0.0 + 0.0 in BLAS", "NumPy: sign.*", "linalg|mat|vec| @ |einsum|dot|inner"
    ),
    no_fault("squares of boolean numbers", "NumPy: dtype", r"square|\*\* 2"),
    no_fault("gammaln(-inf), as in C", "NumPy: infinite", "gammaln"),
    no_fault("log_softmax of inf, as in PyTorch", "NumPy: nan", "log_softmax"),
    no_fault("a row of equal numbers", "PyTorch: number", "corrcoef"),
    no_fault("a singular matrix", "(backward|against_.*): LinAlgError", "linalg"),
    no_fault(
        "the same", "(float64|PyTorch): number", r"linalg\.(qr|\w*inv|sol|svd|eig)"
    ),
    Known(3, "squares of a bool, no array", "NumPy: dtype", "square"),
    Known(3, "a number beside halves", "NumPy: dtype", r"np\.select"),
    Known(3, "the logarithm of a half", "float64: number", r"\*\*|pow"),
    Known(7, "long doubles beside it", "changed constant: .*"),
    Known(8, "none of no elements", "backward: ValueError", r"np\.tile"),
    Known(14, "betaln where an operand is not positive", ".*: .*", "betaln"),
    Known(14, "gammainc of extreme numbers", "(NumPy|building): .*", "gammainc"),
]


def known(finding):
    """The first entry that describes it, or None."""
    return next((x for x in KNOWN if x.describes(finding)), None)
