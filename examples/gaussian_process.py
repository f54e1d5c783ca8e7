"""Gaussian process regression, whose scales are learned from the data.

A Gaussian process says how similar the values at two places are: here by their
distance, with three unknown scales (how large the values are, over what distance they
change, and how much noise there is). The best ones make the measurements most likely.
Their log likelihood is written with NumPy's functions, `np.linalg.cholesky` and `solve`
among them, and SciPy climbs it along micrograd's gradients.

    pip install . scipy
    python examples/gaussian_process.py
    python examples/gaussian_process.py --picture process.png    # needs matplotlib

It prints the scales that the measurements were drawn with and those found, and how
likely held-out measurements are, before and after.
"""

import argparse

import numpy as np
from scipy.optimize import minimize

from micrograd import Value, compiled

SCALES = {"size": 1.5, "distance": 0.8, "noise": 0.2}  # what is to be found


def similarity(left, right, scales):
    """Covariances of the process between places (m,) and places (n,): (m, n)."""
    size, distance, _ = scales
    steps = (left[:, None] - right) / distance
    return size**2 * np.exp(-(steps**2) / 2)


def of_measurements(x, scales):
    """Covariances of noisy measurements at the places x (n,): (n, n)."""
    return similarity(x, x, scales) + scales[2] ** 2 * np.eye(len(x))


def log_likelihood(log_scales, x, y):
    """Of the measurements y at x, both (n,), if the process has these scales."""
    factor = np.linalg.cholesky(of_measurements(x, np.exp(log_scales)))
    whitened = np.linalg.solve(factor, y)
    log_determinant = 2 * np.log(np.diagonal(factor)).sum()
    return -(whitened @ whitened + log_determinant + len(x) * np.log(2 * np.pi)) / 2


def predict(log_scales, x, y, places):
    """The mean and the deviation of a new measurement at each of the places."""
    scales = np.exp(log_scales)
    size, _, noise = scales
    between = similarity(x, places, scales)
    weights = np.linalg.solve(of_measurements(x, scales), between)
    variances = size**2 + noise**2 - (between * weights).sum(axis=0)
    return y @ weights, np.sqrt(variances)


def held_out(log_scales, train, test):
    """The mean log density of each held-out measurement."""
    mean, deviation = predict(log_scales, *train, test[0])
    errors = (test[1] - mean) / deviation
    return np.mean(-(errors**2) / 2 - np.log(deviation) - np.log(2 * np.pi) / 2)


def measurements(rng, n=180):
    """Places and noisy values of a process; every third one is held out."""
    scales = np.array(list(SCALES.values()))
    x = rng.uniform(0, 20, n)
    y = np.linalg.cholesky(of_measurements(x, scales)) @ rng.normal(size=n)
    is_test = np.arange(n) % 3 == 0
    return (x[~is_test], y[~is_test]), (x[is_test], y[is_test])


def fit(x, y, start):
    """The logarithms of the scales that make the measurements most likely."""
    log_scales = Value(start)
    step = compiled(-log_likelihood(log_scales, x, y), wrt=log_scales)

    def loss_and_gradient(numbers):
        log_scales.data = numbers
        return step(), log_scales.grad.copy()  # the next call overwrites it

    return minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B").x


def draw(path, log_scales, train, test):
    """The measurements, and where new ones are expected, two deviations wide."""
    from matplotlib.figure import Figure

    places = np.linspace(0, 20, 500)
    mean, deviation = predict(log_scales, *train, places)
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.fill_between(places, mean - 2 * deviation, mean + 2 * deviation, alpha=0.2)
    axes.plot(places, mean)
    axes.plot(*train, ".", label="measured")
    axes.plot(*test, "x", label="held out")
    axes.legend()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", metavar="FILE", help="draw the process there")
    options = parser.parse_args()

    train, test = measurements(np.random.default_rng(0))
    start = np.zeros(3)  # all scales are 1
    log_scales = fit(*train, start)
    for (name, true), found in zip(SCALES.items(), np.exp(log_scales)):
        print(f"{name}: {found:.3f}, drawn with {true}")
    before, after = (held_out(s, train, test) for s in (start, log_scales))
    print(f"held-out log likelihood: {after:.3f}, before: {before:.3f}")
    if options.picture:
        draw(options.picture, log_scales, train, test)


if __name__ == "__main__":
    main()
