"""AccumulatingModel: a batch in parts, for the memory of a part and the gradient of the whole."""

import keras
import tensorflow as tf


class AccumulatingModel(keras.Model):
    """The layers of another model, trained on each batch in `parts` whose gradients are added before one update.

    Loss and gradient are those of the whole batch, the ragged last one of an epoch and all replicas included. BatchNorm
    sees a part at a time. Keras's `gradient_accumulation_steps` counts every part as a step and weighs a ragged part as
    a full one, and fails under MirroredStrategy.

    Args:
        model: a functional or sequential keras.Model; its layers are shared.
        parts: into how many a batch is cut.
    """

    def __init__(self, model, parts):
        super().__init__(inputs=model.inputs, outputs=model.outputs[0], name=model.name)
        self.parts = parts

    def train_step(self, data):
        images, targets = data
        count = tf.shape(images)[0]
        num_replicas = tf.distribute.get_strategy().num_replicas_in_sync
        whole = self.loss.global_count(count)
        weights = self.trainable_variables
        gradients = [tf.zeros_like(weight.value) for weight in weights]
        outputs, losses = [], []
        for part in range(self.parts):
            some = slice(count * part // self.parts, count * (part + 1) // self.parts)
            with tf.control_dependencies(gradients):  # one part after the other, or the memory is that of the whole
                inputs = tf.identity(images[some])
            with tf.GradientTape() as tape:
                predicted = self(inputs, training=True)
                values = self.loss.of_each(targets[some], predicted)
                added = sum(self.losses) / (self.parts * num_replicas) if self.losses else 0.0
                scaled = self.optimizer.scale_loss(tf.reduce_sum(values) / whole + added)
            gradients = [
                total if gradient is None else total + gradient
                for total, gradient in zip(gradients, tape.gradient(scaled, weights), strict=True)
            ]
            outputs.append(predicted)
            losses.append(values)
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        losses = tf.concat(losses, axis=0)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(losses)
            else:
                metric.update_state(targets, tf.concat(outputs, axis=0))
        return self.get_metrics_result()
