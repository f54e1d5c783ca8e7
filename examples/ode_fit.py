"""The laws of a predator and its prey, found from noisy counts.

The two populations follow a differential equation with four unknown rates (Lotka and
Volterra's). It is solved by Runge-Kutta steps, written as for plain arrays; the error
of the solution is differentiated through all the steps, and Adam moves the rates.
`compiled` turns the hundreds of operators into one program.

    pip install .
    python examples/ode_fit.py
    python examples/ode_fit.py --picture populations.png    # needs matplotlib

It prints the rates found beside those that the counts were made with.
"""

import argparse

import numpy as np

from micrograd import Value, compiled, optim

# What is to be found.
RATES = {"births": 1.1, "hunting": 0.3, "deaths": 0.5, "growth": 0.1}
START = np.array([10.0, 5.0])  # prey, predators
STEP, STEPS = 0.4, 40


def change(state, rates):
    """The derivative of the populations (2,) by time."""
    prey, predators = state
    births, hunting, deaths, growth = rates
    meetings = prey * predators
    return np.stack(
        [births * prey - hunting * meetings, growth * meetings - deaths * predators]
    )


def runge_kutta(state, rates, step):
    """The state after one step of the classical method of order four."""
    first = change(state, rates)
    second = change(state + step / 2 * first, rates)
    third = change(state + step / 2 * second, rates)
    fourth = change(state + step * third, rates)
    return state + step / 6 * (first + 2 * second + 2 * third + fourth)


def solve(rates, start=START):
    """The populations after each step, (STEPS, 2)."""
    states = [start]
    for _ in range(STEPS):
        states.append(runge_kutta(states[-1], rates, STEP))
    return np.stack(states[1:])


def fit(counts, guess):
    """The rates whose solution is nearest to the counts, on a scale of ratios."""
    log_rates = Value(np.log(guess))
    errors = np.log(solve(np.exp(log_rates))) - np.log(counts)
    step = compiled((errors**2).mean(), wrt=log_rates)
    optimiser = optim.Adam(log_rates, learning_rate=0.05)
    for _ in range(500):
        step()
        optimiser.step()
    return np.exp(log_rates.data)


def draw(path, counts, rates):
    """The counts, and the solution with the rates found."""
    from matplotlib.figure import Figure

    times = STEP * np.arange(1, STEPS + 1)
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    for name, counted, solved in zip(("prey", "predators"), counts.T, solve(rates).T):
        (line,) = axes.plot(times, solved, label=name)
        axes.plot(times, counted, ".", color=line.get_color())
    axes.legend()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", metavar="FILE", help="draw the populations there")
    options = parser.parse_args()

    rng = np.random.default_rng(0)
    true = np.array(list(RATES.values()))
    counts = solve(true) * np.exp(rng.normal(0, 0.05, size=(STEPS, 2)))
    rates = fit(counts, guess=[0.8, 0.3, 0.3, 0.08])
    for name, found in zip(RATES, rates):
        print(f"{name}: {found:.3f}, made with {RATES[name]}")
    if options.picture:
        draw(options.picture, counts, rates)


if __name__ == "__main__":
    main()
