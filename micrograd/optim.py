"""Optimisers: they move Values down their gradients, in place."""

from micrograd.module import clip_grad_norm as clip_grad_norm
from micrograd.optimiser import Optimiser, rate


class SGD(Optimiser):
    """As torch.optim.SGD."""

    def __init__(self, wrt, learning_rate, momentum=0, weight_decay=0):
        super().__init__(wrt, learning_rate, weight_decay)
        self.momentum, self.memory = rate(momentum), [0.0] * len(self.wrt)

    def direction(self, i, g):
        if self.momentum:
            self.memory[i] = g = self.momentum * self.memory[i] + g
        return g


class Adam(Optimiser):
    """Kingma and Ba, 2015, as torch.optim.Adam."""

    def __init__(
        self, wrt, learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0
    ):
        super().__init__(wrt, learning_rate, weight_decay)
        self.betas, self.eps = [rate(beta) for beta in betas], rate(eps)
        self.memory = [(0, 0.0, 0.0)] * len(self.wrt)

    def direction(self, i, g):
        (b, c), (t, m, v) = self.betas, self.memory[i]
        self.memory[i] = t, m, v = t + 1, b * m + (1 - b) * g, c * v + (1 - c) * g * g
        return m / (1 - b**t) / ((v / (1 - c**t)) ** 0.5 + self.eps)


class AdamW(Adam):
    """Loshchilov and Hutter, 2019, as torch.optim.AdamW."""

    def __init__(
        self, wrt, learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01
    ):
        super().__init__(wrt, learning_rate, betas, eps)
        self.decay = rate(weight_decay)

    def direction(self, i, g):
        return super().direction(i, g) + self.decay * self.wrt[i].data
