"""Makes the tests find `testing.py`, however they are run.

pytest and unittest import a test as a module of this package, so they run this first. A
file that is run by itself has its own folder on the path.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
