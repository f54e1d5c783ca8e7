"""Makes the tests find `testing.py`, however they are run.

pytest and unittest import a test as a module of this package, so they run this first. A
file that is run by itself has its own folder on the path.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

import numpy.linalg  # noqa: E402, F401

# A module that NumPy 2 has renamed. It warns when assertWarns looks into all modules.
sys.modules.pop("numpy.linalg.linalg", None)
