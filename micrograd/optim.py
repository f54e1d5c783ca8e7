"""Optimisers: they move Values down their gradients, in place."""

from micrograd.module import clip_grad_norm as clip_grad_norm
from micrograd.optimiser import Optimiser, rate


class SGD(Optimiser):
    """As torch.optim.SGD."""

    def __init__(self, wrt, learning_rate, momentum=0, weight_decay=0):
        self.momentum = rate(momentum)
        memory = ["velocity"] if self.momentum else []
        super().__init__(wrt, learning_rate, weight_decay, memory)

    def direction(self, i, g):
        if self.momentum:
            velocity = self.memory["velocity"]
            velocity[i] = g = self.momentum * velocity[i] + g
        return g


class Adam(Optimiser):
    """Kingma and Ba, 2015, as torch.optim.Adam."""

    def __init__(
        self, wrt, learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0
    ):
        super().__init__(wrt, learning_rate, weight_decay, memory=["m", "v"])
        first, second = betas
        self.betas, self.eps = (rate(first), rate(second)), rate(eps)

    def direction(self, i, g):
        (b, c), t, (ms, vs) = self.betas, self.steps, self.memory.values()
        ms[i] = m = b * ms[i] + (1 - b) * g
        vs[i] = v = c * vs[i] + (1 - c) * g * g
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
