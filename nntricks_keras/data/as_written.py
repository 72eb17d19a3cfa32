"""Graphs from functions as they are written.

AutoGraph would rewrite each of our functions first, for tensors in `if` and `for`, of which they have none: a third of
the time before the first step of a training.
"""

import tensorflow as tf

from nntricks_keras.hardware import usable_cores

as_written = tf.autograph.experimental.do_not_convert
compiled = tf.function(autograph=False, jit_compile=True)


def untuned(dataset):
    """The dataset without tf.data's autotuning.

    Autotuning has a thread that sleeps for longer and longer, up to a minute at a time, and the end of an iteration
    (of every fit, and every validation) waits until it has slept.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def mapped(dataset, function):
    """Dataset.map of a function as it is written, in order, by all cores, untuned."""
    return untuned(dataset.map(as_written(function), num_parallel_calls=usable_cores()))
