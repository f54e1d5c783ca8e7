"""A variational autoencoder: handwritten digits, each described by a few numbers.

One net, the encoder, maps an image to a normal distribution of codes; another, the
decoder, maps a code drawn from it back to an image. Both learn to lose little of the
image while the codes stay near a standard normal distribution, so that any code drawn
from that one gives an image, too.

    pip install . scikit-learn
    python examples/autoencoder.py
    python examples/autoencoder.py --picture digits.png    # needs matplotlib

It prints how far the images that come back are from held-out ones, and from the mean
image for comparison, in root mean squares of pixels from 0 to 1.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits

from micrograd import Value, compiled, nn, optim

PIXELS, CODE = 64, 8


class Autoencoder(nn.Module):
    """A net from images to the distribution of their codes, and one back."""

    def __init__(self, rng):
        self.encoder = nn.MLP(PIXELS, [128, 2 * CODE], rng=rng)
        self.decoder = nn.MLP(CODE, [128, PIXELS], rng=rng)

    def encode(self, images):
        """Means and log variances of the codes, both (n, CODE)."""
        return np.split(self.encoder(images), 2, axis=1)

    def loss(self, images, noise):
        """A bound of -log likelihood (Kingma, Welling 2014): image lost, code cost."""
        mean, log_variance = self.encode(images)
        logits = self.decoder(mean + np.exp(log_variance / 2) * noise)
        softplus = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits)))
        lost = (softplus - images * logits).sum(axis=1)
        terms = mean**2 + np.exp(log_variance) - log_variance - 1
        divergence = terms.sum(axis=1) / 2  # from the normal distribution
        return (lost + divergence).mean()

    def rebuild(self, images):
        """The images that come back, from the mean codes."""
        return self.decoder(self.encode(images)[0]).sigmoid()


def train(model, images, rng, epochs=15, batch=64):
    """Move the model's parameters down the loss, in batches."""
    x = Value(shape=(None, PIXELS), name="x")
    noise = Value(shape=(None, CODE), name="noise")
    step = compiled(model.loss(x, noise), wrt=model)
    optimiser = optim.Adam(model, learning_rate=5e-3)
    for _ in range(epochs):
        order = rng.permutation(len(images))
        for start in range(0, len(images), batch):
            rows = images[order[start : start + batch]]
            step(x=rows, noise=rng.normal(size=(len(rows), CODE)))
            optimiser.step()


def distance(left, right):
    """The root mean square of the pixels' differences."""
    return np.sqrt(np.mean((left - right) ** 2))


def draw(path, model, images, rng):
    """Images above what comes back; below, images of codes drawn at random."""
    from matplotlib.figure import Figure

    dreams = model.decoder(rng.normal(size=(len(images), CODE))).sigmoid()
    figure = Figure(figsize=(len(images), 3), layout="constrained")
    rows = figure.subplots(3, len(images))
    for axes, row in zip(rows, (images, model.rebuild(images).data, dreams.data)):
        for axis, pixels in zip(axes, row):
            axis.imshow(pixels.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            axis.set_axis_off()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", metavar="FILE", help="draw digits there")
    options = parser.parse_args()

    rng = np.random.default_rng(0)
    images = rng.permutation(load_digits().data / 16)
    images, test_images = images[:1500], images[1500:]
    model = Autoencoder(rng)
    train(model, images, rng)
    lost = distance(model.rebuild(test_images).data, test_images)
    mean = distance(images.mean(axis=0), test_images)
    print(f"held-out reconstruction error: {lost:.3f}, of the mean image: {mean:.3f}")
    if options.picture:
        draw(options.picture, model, test_images[:12], rng)


if __name__ == "__main__":
    main()
