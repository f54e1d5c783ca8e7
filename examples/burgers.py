"""A net that solves Burgers' equation, u_t + u u_x = ν u_xx: a physics-informed net.

The loss is the error of the equation at random points: it holds first and second
derivatives of the net by its inputs, which `gradient` gives as expressions. The start,
u = -sin πx, and the borders, u = 0, stand in the formula of u. `compiled` turns the
loss and its gradients into one program.

    pip install .
    python examples/burgers.py
    python examples/burgers.py --picture burgers.png        # needs matplotlib

It prints how far the net is from the solution that finite differences give.
"""

import argparse

import numpy as np

from micrograd import Value, compiled, gradient, nn, optim, stack

VISCOSITY = 0.05
STEPS, POINTS = 4000, 256
RATES = np.geomspace(0.01, 0.0005, STEPS)


def solution(net, x, t):
    """u at the points (n,): it has the start and the borders, whatever the net says."""
    inputs = stack([x, 2 * t - 1], axis=-1)  # (n, 2), each from -1 to 1
    return -np.sin(np.pi * x) + t * (1 - x**2) * net(inputs)


def error_of_equation(u, x, t):
    """u_t + u u_x - ν u_xx at each point: 0 for a solution."""
    u_x = gradient(u, x)  # of the sum of u, so each element has its own point's
    return gradient(u, t) + u * u_x - VISCOSITY * gradient(u_x, x)


def train(rng):
    """A net whose solution has small errors at random points."""
    net = nn.MLP(2, [20, 20, 1], rng=rng, activation=Value.tanh)
    x, t = (Value(shape=(None,), name=name) for name in "xt")
    loss = (error_of_equation(solution(net, x, t), x, t) ** 2).mean()
    step, optimiser = compiled(loss, wrt=net), optim.Adam(net, RATES)
    for _ in range(STEPS):
        step(x=rng.uniform(-1, 1, POINTS), t=rng.uniform(0, 1, POINTS))
        optimiser.step()
    return net


def finite_differences(n=201, n_times=8001):
    """The solution at each time from 0 to 1 (n_times, n), by small steps forward."""
    x = np.linspace(-1, 1, n)
    dx, dt = x[1] - x[0], 1 / (n_times - 1)
    rows = [-np.sin(np.pi * x)]
    for _ in range(n_times - 1):
        u = rows[-1]
        slope = (u[2:] - u[:-2]) / (2 * dx)
        curvature = (u[2:] - 2 * u[1:-1] + u[:-2]) / dx**2
        inner = u[1:-1] + dt * (VISCOSITY * curvature - u[1:-1] * slope)
        rows.append(np.concatenate([[0], inner, [0]]))
    return x, np.stack(rows)


def draw(path, net, x, rows):
    """Both solutions at some times."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    for t in (0.0, 0.25, 0.5, 1.0):
        (line,) = axes.plot(x, rows[int(t * (len(rows) - 1))], label=f"t = {t}")
        found = solution(net, Value(x), Value(np.full_like(x, t))).data
        axes.plot(x[::8], found[::8], ".", color=line.get_color())
    axes.set_title("Burgers' equation: finite differences (lines) and the net (dots)")
    axes.legend()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", metavar="FILE", help="draw both solutions there")
    options = parser.parse_args()

    net = train(np.random.default_rng(0))
    x, rows = finite_differences()
    for t in (0.25, 0.5, 1.0):
        expected = rows[int(t * (len(rows) - 1))]
        found = solution(net, Value(x), Value(np.full_like(x, t))).data
        error = np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2))
        print(f"t = {t}: relative error {error:.4f}")
    if options.picture:
        draw(options.picture, net, x, rows)


if __name__ == "__main__":
    main()
