"""Compiled programs: an expression and its gradients as NumPy code, to read and to run.

`compiled` runs the rules of an expression once and writes down the calls to NumPy that
they make (`record`). It makes the calls fewer and cheaper (`simplify`), gives their
results places in memory (`memory`), and writes them as Python (`source`). A `Program`
keeps the code for each layout of its inputs (`code`), and saves it (`module`).

In C, the calls are loops over elements (`loops`, `lower`, `views`, `calls`) that share
what they can (`fuse`); `c_function` prints them, with `elements` and `c_names`, and `c`
makes the file. `every_length` serves open axes, and `training_step` optimisers.
"""

from micrograd.program.program import Program as Program
from micrograd.program.program import compiled as compiled
