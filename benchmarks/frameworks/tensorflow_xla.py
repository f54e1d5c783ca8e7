"""TensorFlow, each step a tf.function compiled by XLA."""

from functools import partial

from frameworks import tensorflow

moons = partial(tensorflow.moons, jit_compile=True)
digits = partial(tensorflow.digits, jit_compile=True)
inference = partial(tensorflow.inference, jit_compile=True)
waves = partial(tensorflow.waves, jit_compile=True)
