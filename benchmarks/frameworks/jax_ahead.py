"""JAX, each step compiled by jax.jit and running ahead: only the last is waited for."""

from functools import partial

from frameworks import jax

moons = partial(jax.moons, waits=False)
digits = partial(jax.digits, waits=False)
inference = partial(jax.inference, waits=False)
waves = partial(jax.waves, waits=False)
