"""What the initializers share: counting a unit's inputs and outputs, and four distributions of one deviation."""

import math

import keras
from keras import ops

from nntricks_keras.errors import InputError, check_name

DISTRIBUTIONS = ("normal", "truncated_normal", "uniform", "orthogonal")
_TRUNCATED_STDDEV = 0.87962566103423978  # of a standard normal cut off at two deviations
_TRUNCATED_MASS = math.erf(math.sqrt(2))  # the part of a normal within two deviations


class FanScaled(keras.initializers.Initializer):
    """Draws weights of mean 0 and of the deviation that `stddev_of(fan_in, fan_out)` of the subclass gives."""

    def __init__(self, distribution="normal", groups=1, seed=None):
        check_name("distribution", distribution, DISTRIBUTIONS)
        if not isinstance(groups, int) or groups < 1:
            raise InputError(f"{type(self).__name__}: groups has to be a positive integer, received {groups!r}")
        self.distribution = distribution
        self.groups = groups
        # As it is in the configuration of a saved model, a SeedGenerator is a dictionary.
        self.seed = keras.saving.deserialize_keras_object(seed) if isinstance(seed, dict) else seed

    def stddev_of(self, fan_in, fan_out):
        raise NotImplementedError

    def __call__(self, shape, dtype=None):
        shape = tuple(shape)
        dtype = keras.backend.standardize_dtype(dtype)
        fan_in, fan_out = fans(shape, self.groups)
        stddev = self.stddev_of(fan_in, fan_out)
        if self.distribution == "normal":
            return keras.random.normal(shape, stddev=stddev, dtype=dtype, seed=self.seed)
        if self.distribution == "truncated_normal":
            # By the inverse of the distribution function: keras.random.truncated_normal leaves a few out on PyTorch.
            within = keras.random.uniform(shape, -_TRUNCATED_MASS, _TRUNCATED_MASS, dtype="float32", seed=self.seed)
            return ops.cast(math.sqrt(2) * stddev / _TRUNCATED_STDDEV * ops.erfinv(within), dtype)
        if self.distribution == "uniform":
            limit = math.sqrt(3) * stddev
            return keras.random.uniform(shape, -limit, limit, dtype=dtype, seed=self.seed)
        return ops.cast(self._orthogonal(shape, stddev), dtype)

    def _orthogonal(self, shape, stddev):
        """In each group an (inputs, units) matrix with orthogonal columns, or rows, whichever are fewer."""
        inputs, units = math.prod(shape[:-1]), shape[-1] // self.groups if shape else 1
        rows, columns = max(inputs, units), min(inputs, units)
        noise = keras.random.normal((self.groups, rows, columns), dtype="float32", seed=self.seed)
        q, r = ops.qr(noise)
        # The signs of r's diagonal make q uniform over all orthogonal matrices; unit columns have mean square 1 / rows.
        q = q * ops.expand_dims(ops.where(ops.diagonal(r, axis1=-2, axis2=-1) < 0, -1.0, 1.0), 1)
        q = q * (stddev * math.sqrt(rows))
        if inputs < units:
            q = ops.transpose(q, (0, 2, 1))
        return ops.reshape(ops.transpose(q, (1, 0, 2)), shape)  # (inputs, groups, units) -> (..., outputs)

    def get_config(self):
        seed = keras.saving.serialize_keras_object(self.seed)
        return {"distribution": self.distribution, "groups": self.groups, "seed": seed}


def fans(shape, groups=1):
    """(inputs of a unit, outputs that an input feeds) of a kernel (..., inputs / groups, outputs), within one group."""
    if not shape:
        return 1, 1
    if shape[-1] % groups:
        raise InputError(f"groups={groups} does not divide the {shape[-1]} outputs of a kernel of shape {shape}")
    if len(shape) == 1:
        return shape[0], shape[0] // groups
    receptive_field = math.prod(shape[:-2])
    return receptive_field * shape[-2], receptive_field * shape[-1] // groups
