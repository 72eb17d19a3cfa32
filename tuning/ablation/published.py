"""What others measured of the same tricks: CaffeNet at 128 px on ImageNet, one training of each.

Mishkin, Sergievskiy, Matas, "Systematic evaluation of CNN advances on the ImageNet" (2017), the figures as their
repository github.com/ducha-aiki/caffenet-benchmark lists them. One seed: no interval.
"""

import dataclasses

SOURCE = "Mishkin et al. 2017, CaffeNet at 128 px on ImageNet, one training each (ducha-aiki/caffenet-benchmark)"


@dataclasses.dataclass(frozen=True)
class Published:
    """Top-1 on ImageNet's validation images without and with a trick."""

    trick: str
    bare: object
    full: object
    without: float
    with_it: float
    setting: str
    """what else was in the network, and the page of the repository"""

    @property
    def effect(self):
        return self.with_it - self.without


ALL = (
    Published("activation", "tanh", "relu", 0.401, 0.471, "no norm; Activations.md"),
    Published("activation", "sigmoid", "relu", 0.475, 0.499, "BatchNorm after the activation; Activations.md"),
    Published("activation", "tanh", "scaled_tanh", 0.401, 0.423, "no norm; Activations.md"),
    Published("activation", "relu", "prelu", 0.471, 0.485, "no norm; Activations.md"),
    Published("activation", "relu", "rrelu", 0.471, 0.478, "no norm; Activations.md"),
    Published("activation", "relu", "elu", 0.471, 0.488, "no norm; Activations.md"),
    Published("norm", None, "batch", 0.471, 0.474, "BatchNorm before the activation; batchnorm.md"),
    Published("norm", None, "lrn", 0.471, 0.470, "Activations.md"),
    Published("norm_position", "before", "after", 0.474, 0.499, "batchnorm.md"),
    Published("keep_prob", 1.0, 0.8, 0.513, 0.527, "BatchNorm after the activation; batchnorm.md"),
    Published("keep_prob", 1.0, 0.5, 0.513, 0.499, "BatchNorm after the activation; batchnorm.md"),
)


def find(trick):
    """The published comparison of the same two values of a Trick, or None."""
    return next((one for one in ALL if (one.trick, one.bare, one.full) == (trick.name, trick.bare, trick.full)), None)
