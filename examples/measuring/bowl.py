"""Gradient descent on a bowl, (x^2 + kappa y^2) / 2, in closed form."""

import numpy as np


def start_of(seed):
    """A random point of the unit circle, with both coordinates well away from 0."""
    angle = np.random.default_rng(seed).uniform(np.pi / 8, 3 * np.pi / 8)
    return np.array([np.cos(angle), np.sin(angle)])


def descend(start, kappa, rate, num_steps):
    """The points of gradient descent, (num_steps + 1, 2): each step multiplies x by 1 - rate, y by 1 - kappa rate."""
    shrink = 1 - rate * np.array([1.0, kappa])
    return start * shrink ** np.arange(num_steps + 1)[:, None]


def share_left(start, kappa, rate, num_steps):
    """The loss after the steps, as a share of the loss at the start."""
    loss = descend(start, kappa, rate, num_steps) ** 2 @ np.array([1.0, kappa]) / 2
    return float(loss[-1] / loss[0])


def steps_to_hundredth(start, kappa, rate):
    """Steps until x^2 + y^2, which has no preferred direction, is a hundredth of what it was."""
    distance = (descend(start, kappa, rate, 5000) ** 2).sum(axis=1)
    return int(np.argmax(distance <= distance[0] / 100))
