"""One module for each framework: a function for each workload that it takes part in.

The function sets everything up and returns the step, which is what is timed.
"""
