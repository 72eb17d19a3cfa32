"""The optimizer of a Recipe. Weight decay is that of the papers: L2 added to the gradient, on kernels only."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="nntricks_keras")
class SGDWithL2(keras.optimizers.SGD):
    """SGD with momentum whose weight decay is part of the gradient, as AlexNet's and VGG's papers have it:

        v <- momentum * v - rate * (gradient + l2 * w)
        w <- w + v

    Keras's own `weight_decay` is decoupled from the momentum, hence about 1 / (1 - momentum) times weaker at the same
    number. L2 is added once, after the gradients of all replicas are summed, and after any clipping.

    Args:
        learning_rate: float or keras LearningRateSchedule.
        l2: float >= 0, the papers' weight decay (5e-4). It touches variables named "kernel", and no others.
        **kwargs: those of keras.optimizers.SGD.
    """

    def __init__(self, learning_rate=0.01, l2=0.0, name="SGDWithL2", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.l2 = l2

    def update_step(self, gradient, variable, learning_rate):
        if self.l2 and self._trainable_variables[self._get_variable_index(variable)].name == "kernel":
            decay = ops.multiply(ops.cast(self.l2, gradient.dtype), ops.cast(variable, gradient.dtype))
            gradient = ops.add(gradient, decay)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        return {**super().get_config(), "l2": self.l2}


def make_optimizer(recipe, learning_rate):
    """The keras optimizer a Recipe asks for; `learning_rate` is a float or a keras LearningRateSchedule."""
    if recipe.optimizer == "sgd":
        return SGDWithL2(learning_rate, l2=recipe.weight_decay, momentum=recipe.momentum, nesterov=recipe.nesterov)
    return keras.optimizers.AdamW(learning_rate, weight_decay=recipe.weight_decay)


def leave_biases_undecayed(optimizer, model):
    """Tells a decoupled optimizer (AdamW) to decay kernels only; call it before the optimizer is built."""
    others = [variable for variable in model.trainable_variables if variable.name != "kernel"]
    if optimizer.weight_decay and others:
        optimizer.exclude_from_weight_decay(var_list=others)
