"""Where a number becomes a finding, and why there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """The limits of `verdicts.judge`. Healthy and sick networks lie on both sides of each: tests/health shows it."""

    # Random ReLU layers deep in a network see inputs so alike that up to half of their units are below zero for
    # all of them, and that is no illness: 0.39 was seen in plain VGGs. More than that, training has pushed there.
    dead: float = 0.6
    # Against an earlier report of the same network: that much more of a layer has died since. A thin network that
    # learnt well was seen to lose 0.25 of a layer.
    dead_growth: float = 0.3
    # Of a tanh layer with inputs N(0, 1), 0.3 % have less than 1 % of the slope; with N(0, 3^2) it is 32 %.
    saturated: float = 0.3
    # An ELU at its floor passes on as little as a ReLU below zero, where half of the outputs are anyway: 0.44 was seen
    # in a SELU network that learnt well.
    at_floor: float = 0.75
    # The last layers' signal to the first ones'. Xavier with tanh comes to 1/37 by layer 20 and trains; 0.03 noise in a
    # network of 100 units a layer falls by 0.2 a layer. Upwards the same.
    signal_change: float = 100.0
    # The first layer's gradient to that of the last hidden one, by the norm of the whole layer. A sigmoid's slope is at
    # most 1/4: five layers further down lose a factor of 4^5 = 1024; four, 256, still train.
    gradient_change: float = 700.0
    # Below half of float32's spacing, 2^-24, most of an update is rounded away: the weights do not change at all.
    smallest_update: float = 2**-24
    # Share of ln(classes) below which a loss is so small that small updates are no wonder.
    learnt: float = 0.3
    # A step of the weights' own length points where the gradient was not measured; usual is 0.001.
    largest_update: float = 0.3
    # Wasserstein distance in deviations between what BatchNorm normalizes by in training and at inference.
    drift: float = 0.5
    # Steps until moving averages with alpha = 0.1 have forgotten their start (0.9^50 = 0.005).
    settling_steps: int = 50
    # Before that a loss at that of a guess is no wonder.
    learning_steps: int = 100
    # In units of ln(classes), the loss of a guess: an initial network that is well is near 1, and 1.5 was seen.
    large_loss: float = 3.0
    # How near to ln(classes) a loss is still that of guessing, as a share of it.
    chance_margin: float = 0.02
    # The last loss of a history to its lowest one.
    loss_growth: float = 2.0
    # Training accuracy above chance that has been learnt, while validation stays at chance, as shares of the way to 1.
    # In the first epochs of BatchNorm with a large rate 0.31 and 0.06 were seen.
    memorized: float = 0.5
    generalized: float = 0.1
    # Deviation of what goes into the first kernel: 1 when standardized, 0.3 in [0, 1], 60 to 90 in 0..255.
    input_std: float = 10.0
    # |mean| to deviation of such inputs: 0.8 to 2 for 0..255; some published weights take mean 0 and deviation 60.
    input_offset: float = 0.25
    # Share of the largest class. Equal classes in 32 random examples are never near it.
    largest_class: float = 0.9
    # Share of units that have a twin. Networks widened by copying units have some.
    equal_units: float = 0.5
    # Weights against an earlier report.
    weight_growth: float = 10.0
    # Below that many examples a unit that is zero for all of them tells nothing: 2^-16 is a chance of 1 in 65536.
    few_examples: int = 16
