"""The pass through the model: what is computed where the data is, so that only small numbers come back."""

import contextlib

import keras
from keras import ops

from nntricks_keras import backend
from nntricks_keras.health.tracing import watched

NUM_SAMPLED = 4096  # values of a layer and a batch that go into its histogram


class Observer:
    """Runs a model on batches, forward and backward, and tells what its layers did; the model is left as it is.

    One step of training without its end: dropout and BatchNorm are in training mode, and every update of a variable
    (moving averages, seeds) is dropped.

    Args:
        model: built keras.Model.
        places: list of Place.
        loss: (labels, outputs) -> scalar, or None.
        histograms: whether to bring back samples of outputs and gradients.
        compiled: whether to make one program of the pass.
    """

    def __init__(self, model, places, loss, histograms, compiled):
        self.model = model
        self.places = places
        self.loss = loss
        self.histograms = histograms
        trainable = {id(variable) for variable in model.trainable_variables}
        self.trainable = [variable for variable in model.variables if id(variable) in trainable]
        self.others = [variable for variable in model.variables if id(variable) not in trainable]
        half = any(layer.compute_dtype == "float16" for layer in [model, *(place.layer for place in places)])
        self._loss_scale = 1024.0 if half else 1.0  # small gradients are zero in float16 otherwise
        self._pass = backend.gradient_pass(self._forward, self._reduce, compiled)

    def __call__(self, x, y):
        """One batch (y may be None) -> a dict of NumPy arrays; see `_forward` and `_reduce`."""
        # Copies: under tf.distribute a variable's own value cannot be watched from outside of its replicas.
        values = [[ops.copy(variable.value) for variable in some] for some in (self.trainable, self.others)]
        data = (x,) if y is None else (x, y)
        return keras.tree.map_structure(ops.convert_to_numpy, self._pass(*values, data))

    def _forward(self, tap, trainable, others, data):
        x, y = data if len(data) == 2 else (data[0], None)
        notes = {}
        mapping = [*zip(self.trainable, trainable, strict=True), *zip(self.others, others, strict=True)]
        scope = keras.StatelessScope(state_mapping=mapping, collect_losses=True)
        with scope, _Watch(self.places, tap, notes, self.histograms).on():
            outputs = self.model(x, training=True)
            loss = None
            if y is not None and self.loss is not None:
                loss = ops.cast(self.loss(y, outputs), "float32")
                notes["loss"] = loss
                loss = loss + sum(ops.cast(ops.sum(added), "float32") for added in self.model.losses)
                loss = loss * self._loss_scale
        values = {id(variable): value for variable, value in mapping}
        for i, place in enumerate(self.places):
            if place.weights:
                notes[f"weights/{i}"] = _weight_notes(place, [values[id(weight)] for weight in place.weights], values)
        return loss, notes

    def _reduce(self, loss, notes, by_key, by_weight):
        if loss is None:
            return notes
        for key, gradient in by_key.items():
            if gradient is not None:
                gradient = _wide(gradient) / self._loss_scale
                gradient = gradient * ops.cast(ops.shape(gradient)[0], gradient.dtype)
                notes[f"gradient/{key}"] = _moments(gradient) | self._sample(gradient)
        found = {id(v): g for v, g in zip(self.trainable, by_weight, strict=True) if g is not None}
        for i, place in enumerate(self.places):
            gradients = [found[id(weight)] for weight in place.weights if id(weight) in found]
            if gradients:
                squares = [ops.sum(ops.square(_wide(gradient) / self._loss_scale)) for gradient in gradients]
                notes[f"weight_gradient/{i}"] = sum(squares)
        return notes

    def _sample(self, tensor):
        return {"sample": _sampled(tensor)} if self.histograms else {}


class _Watch:
    """Notes down what each layer takes and gives, in the order of the calls."""

    def __init__(self, places, tap, notes, histograms):
        self.places = places
        self.tap = tap
        self.notes = notes
        self.histograms = histograms
        self.index = {id(place): i for i, place in enumerate(places)}
        self.num_calls = [0] * len(places)
        self.order = 0
        self.channels_first_rank = None  # of the map that the last convolution gave, if its channels come first

    @contextlib.contextmanager
    def on(self):
        with watched(self.places, self._entering, self._before_activation, self._leaving):
            yield

    def _key(self, place):
        index = self.index[id(place)]
        return f"{index}/{self.num_calls[index]}"

    def _entering(self, place, inputs):
        x = _wide(ops.stop_gradient(inputs))
        if place.kernel is not None:
            self.notes[f"entry/{self._key(place)}"] = _moments(x)
        if place.has_moving_statistics:
            axes = [axis for axis in range(len(x.shape)) if axis != place.unit_axis(x.shape)]
            values = (place.layer.moving_mean, place.layer.moving_variance)
            self.notes[f"norm/{self._key(place)}"] = {
                "mean": ops.mean(x, axes),
                "variance": ops.var(x, axes),
                "moving_mean": _wide(ops.convert_to_tensor(values[0])),
                "moving_variance": _wide(ops.convert_to_tensor(values[1])),
            }

    def _before_activation(self, place, x):
        self.notes[f"signal/{self._key(place)}"] = _moments(_wide(ops.stop_gradient(x)))

    def _leaving(self, place, outputs):
        key, rank = self._key(place), len(outputs.shape)
        unit_axis = place.unit_axis(outputs.shape)
        if getattr(place.layer, "data_format", None) is not None:
            self.channels_first_rank = rank if unit_axis == 1 and rank > 2 else None
        elif not place.weights and rank == self.channels_first_rank:
            unit_axis = 1
        y = _wide(ops.stop_gradient(outputs))
        axes = [axis for axis in range(rank) if axis != unit_axis]
        flat = ops.equal(y, 0) if place.flat is None else place.flat(y)
        still = ops.logical_or(flat, ops.equal(y, 0)) if place.activation == "relu6" else flat  # it has two such ends
        self.notes[f"output/{key}"] = {
            **_moments(y),
            **({"sample": _sampled(y)} if self.histograms else {}),
            "order": ops.convert_to_tensor(self.order),
            "alive": ops.any(ops.logical_not(still), axes),
            "flat": ops.mean(ops.cast(flat, y.dtype)),
            "negative": ops.mean(ops.cast(y < 0, y.dtype)),
        }
        self.order += 1
        self.num_calls[self.index[id(place)]] += 1
        return self.tap(key, outputs)


def _moments(x):
    """Of a tensor: how many values, their mean, their variance, their mean square."""
    mean = ops.mean(x)
    count = 1.0
    for size in ops.shape(x):
        count = count * ops.cast(size, "float32")
    return {"count": count, "mean": mean, "variance": ops.mean(ops.square(x - mean)), "square": ops.mean(ops.square(x))}


def _weight_notes(place, weights, values):
    """The weights' moments and norm and, of a kernel, two numbers a unit that tell units apart."""
    flat = [ops.reshape(_wide(weight), (-1,)) for weight in weights]
    flat = flat[0] if len(flat) == 1 else ops.concatenate(flat)
    notes = _moments(flat)
    if place.kernel is not None:
        kernel = _wide(values[id(place.kernel)]) if id(place.kernel) in values else _wide(place.kernel)
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
        position = ops.arange(1, matrix.shape[0] + 1, dtype="float32")
        first, second = (
            ops.sin(position),
            ops.cos(1.7 * position),
        )  # any directions that weights do not follow by chance
        told = [ops.matmul(direction[None, :], matrix)[0] for direction in (first, second)]
        bias = getattr(place.layer, "bias", None)
        if bias is not None:
            value = _wide(values[id(bias)])
            told = [told[0] + value, told[1] - 2 * value]
        notes["units"] = ops.stack(told)
    return notes


def _sampled(x):
    """About NUM_SAMPLED of its values, at odd strides, so that an even number of channels takes turns."""
    flat = ops.reshape(x, (-1,))
    return flat[:: ops.shape(flat)[0] // (2 * NUM_SAMPLED) * 2 + 1]


def _wide(x):
    x = ops.convert_to_tensor(x)
    return ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
