"""How sure a net is: Laplace's approximation of the posterior of its parameters.

Around the most probable parameters, the posterior is nearly a normal distribution; the
inverse of its covariance is the Hessian of the loss, which `hessian` gives. Newton's
method, with the same Hessian, finds these parameters. The net is then drawn with a band
of two standard deviations: narrow where there are data, wide where there are none.

    pip install .
    python examples/laplace.py
    python examples/laplace.py --picture band.png       # needs matplotlib

It prints how many new observations lie in the band, and how wide it is.
"""

import argparse

import numpy as np

from micrograd import Value, compiled, gradient, hessian, jacobian

HIDDEN = 6
NOISE, PRIOR = 0.1, 0.5  # the deviation of the data; the precision of each parameter


def observed(rng, n):
    """Points on both sides of a gap, and noisy values there."""
    x = np.concatenate([rng.uniform(-1, -0.3, n // 2), rng.uniform(0.4, 1, n - n // 2)])
    return x, np.sin(4 * x) + rng.normal(0, NOISE, n)


def net(w, x):
    """A net with one hidden layer: its parameters (3 * HIDDEN + 1,), points (n,)."""
    slopes, shifts, weights = w[: 3 * HIDDEN].reshape(3, HIDDEN)
    hidden = np.tanh(x[:, None] * slopes + shifts)  # (n, HIDDEN)
    return hidden @ weights + w[-1]


def minus_log_posterior(w, x, y):
    """But for a number: squared errors, and squared parameters, by their variances."""
    errors = (net(w, x) - y) / NOISE
    return ((errors**2).sum() + PRIOR * (w**2).sum()) / 2


def newton(loss, w, steps=200):
    """Move w to a minimum, by Newton's method with a damping; the Hessian there."""
    first, second = gradient(loss, w), hessian(loss, w)
    program, damping = compiled(loss, first, second), 1.0
    now, slope, curvature = program()
    for _ in range(steps):
        before = w.data
        w.data = before - np.linalg.solve(curvature + damping * np.eye(w.size), slope)
        found = program()
        if found[0] <= now:
            (now, slope, curvature), damping = found, damping / 3
        else:
            w.data, damping = before, 4 * damping
    return curvature


def predictions(w, covariance, x):
    """The net at some points, and the deviation of an observation there."""
    y = net(w, x)
    slopes = jacobian(y, w).data  # (n, parameters)
    variance = np.sum(slopes @ covariance * slopes, axis=1)
    return y.data, np.sqrt(variance + NOISE**2)


def draw(path, w, covariance, x, y):
    """The data, the net, and the band of two deviations."""
    from matplotlib.figure import Figure

    points = np.linspace(-1.5, 1.5, 100)
    mean, deviation = predictions(w, covariance, points)
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.fill_between(points, mean - 2 * deviation, mean + 2 * deviation, alpha=0.3)
    axes.plot(points, mean)
    axes.plot(x, y, ".", color="black")
    axes.set_ylim(-3, 3)
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", metavar="FILE", help="draw the band there")
    options = parser.parse_args()

    rng = np.random.default_rng(1)
    x, y = observed(rng, 60)
    w = Value(rng.normal(size=3 * HIDDEN + 1))
    covariance = np.linalg.inv(newton(minus_log_posterior(w, x, y), w))
    new_x, new_y = observed(rng, 200)
    mean, deviation = predictions(w, covariance, new_x)
    inside = np.abs(new_y - mean) < 2 * deviation
    print(f"new observations in the band: {100 * inside.mean():.0f} %")
    for name, point in (("in the data", 0.7), ("in the gap", 0.05), ("outside", 1.5)):
        _, (width,) = predictions(w, covariance, np.array([point]))
        print(f"deviation {name}, at {point}: {width:.2f}")
    if options.picture:
        draw(options.picture, w, covariance, x, y)


if __name__ == "__main__":
    main()
