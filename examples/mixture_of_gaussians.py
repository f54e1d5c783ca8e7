"""A mixture of Gaussians, fitted to points in the plane by their likelihood.

Each point came from one of three clouds, and nobody says from which. The density of the
mixture is a logsumexp over the clouds; its weights, centres and shapes are parts of one
vector of numbers that SciPy moves along micrograd's gradients.

    pip install . scipy
    python examples/mixture_of_gaussians.py
    python examples/mixture_of_gaussians.py --picture mixture.png    # needs matplotlib

It prints the weights and centres found, and how likely held-out points are, beside the
mixture that they were drawn from.
"""

import argparse

import numpy as np
from scipy.optimize import minimize

from micrograd import Value, compiled

WEIGHTS = np.array([0.5, 0.3, 0.2])  # what is to be found
CENTRES = np.array([[-3.0, 0.0], [0.0, 3.0], [3.0, -1.0]])
SHAPES = np.array([[[1.0, 0.0], [0.8, 0.5]], [[1.5, 0.0], [-0.5, 0.6]], np.eye(2) / 2])


def draw_points(rng, n):
    """Points (n, 2): each is of a round cloud that the shapes have stretched."""
    cloud = rng.choice(len(WEIGHTS), size=n, p=WEIGHTS)
    round_points = rng.normal(size=(n, 2))
    return CENTRES[cloud] + np.einsum("nij,nj->ni", SHAPES[cloud], round_points)


def log_density(points, logits, centres, whiteners):
    """Of each of the points (n, 2). Whiteners (k, 2, 2) make the clouds round again."""
    steps = points[:, None] - centres  # (n, k, 2)
    whitened = np.einsum("kij,nkj->nki", whiteners, steps)
    _, log_volumes = np.linalg.slogdet(whiteners)
    of_clouds = log_volumes - (whitened**2).sum(axis=-1) / 2 - np.log(2 * np.pi)
    return (logits + of_clouds).logsumexp(axis=1) - logits.logsumexp()


def parts(numbers):
    """The logits (k,), centres (k, 2) and whiteners (k, 2, 2) in a vector (7 * k,)."""
    k = len(WEIGHTS)
    logits, centres, whiteners = np.split(numbers, [k, 3 * k])
    return logits, centres.reshape(k, 2), whiteners.reshape(k, 2, 2)


def guess(points, rng):
    """Equal weights, and round clouds around points drawn at random."""
    k = len(WEIGHTS)
    centres = rng.choice(points, size=k, replace=False)
    return np.concatenate([np.zeros(k), centres.ravel(), np.tile(np.eye(2).ravel(), k)])


def fit(points, starts):
    """The numbers that make the points most likely: the best end of all starts."""
    numbers = Value(starts[0])
    step = compiled(-log_density(points, *parts(numbers)).mean(), wrt=numbers)

    def loss_and_gradient(vector):
        numbers.data = vector
        return step(), numbers.grad.copy()  # the next call overwrites it

    # From one start alone, a cloud may be caught between two others.
    ends = [minimize(loss_and_gradient, x, jac=True, method="L-BFGS-B") for x in starts]
    return min(ends, key=lambda end: end.fun).x


def held_out(points, *mixture):
    """The mean log density of the points."""
    return log_density(points, *map(Value, mixture)).mean().item()


def draw(path, points, mixture):
    """The points, and the density found, as lines of equal height."""
    from matplotlib.figure import Figure

    x, y = np.meshgrid(np.linspace(-7, 6, 150), np.linspace(-5, 6, 150))
    grid = np.stack([x.ravel(), y.ravel()], axis=1)
    heights = log_density(grid, *map(Value, mixture)).data.reshape(x.shape)
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot(*points.T, ".", markersize=3)
    axes.contour(x, y, heights, levels=np.arange(-9, 0))
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", metavar="FILE", help="draw the mixture there")
    options = parser.parse_args()

    rng = np.random.default_rng(0)
    points, test_points = draw_points(rng, 1000), draw_points(rng, 1000)
    mixture = parts(fit(points, [guess(points, rng) for _ in range(5)]))
    logits, centres, _ = mixture
    weights = np.exp(logits) / np.exp(logits).sum()
    for cloud in np.argsort(-weights):
        x, y = centres[cloud]
        print(f"a cloud of {weights[cloud]:.1%} around ({x:.2f}, {y:.2f})")
    true = held_out(test_points, np.log(WEIGHTS), CENTRES, np.linalg.inv(SHAPES))
    found = held_out(test_points, *mixture)
    print(f"held-out log likelihood: {found:.3f}, of the true mixture: {true:.3f}")
    if options.picture:
        draw(options.picture, points, mixture)


if __name__ == "__main__":
    main()
