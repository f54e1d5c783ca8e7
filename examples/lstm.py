"""An LSTM learns a verse by heart, letter by letter, and writes it down.

The cell reads a letter, and carries two vectors from each letter to the next: what it
remembers, and what it shows of that. It learns which letter follows in each part of the
verse. Then it gets the first letter alone, and goes on from what it has written itself.

    pip install .
    python examples/lstm.py
    python examples/lstm.py --picture losses.png    # needs matplotlib

It prints the last loss, and the verse that it writes.
"""

import argparse

import numpy as np

from micrograd import Value, compiled, nn, optim

VERSE = """\
A small machine sat down to learn
to read a verse, and in its turn,
with every letter that it read,
it guessed the one that came ahead.
"""
LETTERS = sorted(set(VERSE))
WIDTH = 48  # of what is carried
PARTS, LENGTH = 48, 20  # that it learns from; they overlap


class LSTM(nn.Module):
    """A cell that reads letters one by one, and scores for the next one."""

    def __init__(self, rng):
        n = len(LETTERS)
        self.of_letters = Value(rng.normal(0, 0.1, size=(n, 4 * WIDTH)))
        self.of_shown = Value(rng.normal(0, WIDTH**-0.5, size=(WIDTH, 4 * WIDTH)))
        self.shift = Value(np.repeat([0.0, 1.0, 0.0, 0.0], WIDTH))  # forget nothing
        self.last = nn.Layer(WIDTH, n, nonlin=False, rng=rng)

    def __call__(self, letters, shown, kept):
        """Logits of the next letters, and what is carried on to them."""
        sums = self.of_letters[letters] + shown @ self.of_shown + self.shift
        take, keep, show, new = np.split(sums, 4, axis=-1)
        kept = keep.sigmoid() * kept + take.sigmoid() * np.tanh(new)
        shown = show.sigmoid() * np.tanh(kept)
        return self.last(shown), shown, kept


def train(model, letters, steps=150):
    """Learn from parts of the text, all at once; returns the losses."""
    starts = np.linspace(0, len(letters) - LENGTH - 1, PARTS).astype(int)
    parts = letters[starts[:, None] + np.arange(LENGTH + 1)]  # (PARTS, LENGTH + 1)
    shown = kept = np.zeros((len(parts), WIDTH))
    loss = 0.0
    for before, after in zip(parts.T[:-1], parts.T[1:]):
        logits, shown, kept = model(before, shown, kept)
        loss = loss + nn.cross_entropy(logits, after) / LENGTH
    step = compiled(loss, wrt=model)
    optimiser = optim.Adam(model, learning_rate=0.02)
    losses = []
    for _ in range(steps):
        losses.append(step())
        optim.clip_grad_norm(model, max_norm=1.0)
        optimiser.step()
    return losses


def write(model, letter, length):
    """The letter, and those that the model adds, each the likeliest one."""
    last = Value(shape=(), name="letter", dtype=int)
    carried = {name: Value(shape=(WIDTH,), name=name) for name in ("shown", "kept")}
    step = compiled(*model(last, **carried))
    written, shown, kept = [letter], np.zeros(WIDTH), np.zeros(WIDTH)
    while len(written) < length:
        logits, shown, kept = step(letter=written[-1], shown=shown, kept=kept)
        written.append(logits.argmax())
    return written


def draw(path, losses):
    """The loss at each step of the training."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.semilogy(losses)
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", metavar="FILE", help="draw the losses there")
    options = parser.parse_args()

    letters = np.array([LETTERS.index(letter) for letter in VERSE])
    model = LSTM(np.random.default_rng(0))
    losses = train(model, letters)
    print(f"loss: {losses[-1]:.3f}, at first: {losses[0]:.3f}")
    written = write(model, letters[0], len(letters))
    print("".join(LETTERS[i] for i in written), end="")
    if options.picture:
        draw(options.picture, losses)


if __name__ == "__main__":
    main()
