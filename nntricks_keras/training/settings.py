"""Recipe: how a network is trained, whatever the network. No TensorFlow is loaded here."""

import dataclasses
from typing import Literal

from nntricks_keras import serialization
from nntricks_keras.data.augmentation import Augmentation
from nntricks_keras.errors import InputError, check_name

OPTIMIZERS = ("sgd", "adamw", "muon")
SCHEDULES = ("one_cycle", "plateau", "constant")
PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")


@dataclasses.dataclass(frozen=True)
class Recipe(serialization.Json):
    """How to train: frozen, JSON in and out, with no word about the model.

    Raises InputError for a value out of range, naming it and the valid range, and for two that contradict each other.
    """

    epochs: int = 12
    """passes over the training images"""
    batch_size: int = 64
    """images a step, over all devices together"""
    optimizer: Literal["sgd", "adamw", "muon"] = "sgd"
    """sgd has momentum, and its weight decay is L2 in the gradient, as in the papers; adamw decouples it; muon turns
    each hidden kernel by the angle learning_rate along an orthogonalized gradient, and moves all else as sgd does"""
    learning_rate: float = 0.05
    """the highest rate of the schedule"""
    momentum: float = 0.9
    """of sgd: velocity = momentum * velocity - rate * gradient; muon's hidden kernels gather the gradients alone"""
    nesterov: bool = False
    """of sgd and muon: look ahead along the velocity before taking the gradient"""
    weight_decay: float = 5e-4
    """on kernels only, of muon on the last one only: biases, gamma, beta and learnt slopes are left alone"""
    learning_rate_factors: dict[str, float] = dataclasses.field(default_factory=dict)
    """of sgd and muon: patterns of layer names, and what the rate of these is multiplied by; the first that matches"""
    unfreeze: dict[str, int] = dataclasses.field(default_factory=dict)
    """patterns of layer names and the epoch, from 1, in which these layers begin to train; the first that matches"""
    clip_norm: float | None = None
    """the gradient of the whole batch is shortened to this length when it is longer"""
    accumulate: int = 1
    """a batch goes through the network in this many parts, whose gradients are added: the memory of a smaller batch"""
    ema_decay: float = 0.0
    """above 0, the average <- decay * average + (1 - decay) * weights of the steps is kept, not the last weights"""
    early_stopping_patience: int = 0
    """epochs without a better validation top-1 after which the training ends; 0: it never does"""
    schedule: Literal["one_cycle", "plateau", "constant"] = "one_cycle"
    """one_cycle: up linearly, then down to 0 along a cosine; plateau: divided when validation top-1 stops improving"""
    warmup_fraction: float = 0.25
    """of one_cycle: the share of all steps in which the rate climbs"""
    plateau_patience: int = 5
    """of plateau: epochs without a better validation top-1 before the rate falls"""
    plateau_factor: float = 0.1
    """of plateau: what the rate is multiplied by; after plateau_drops of these the next plateau ends the training"""
    plateau_drops: int = 3
    """of plateau: how many times the rate falls"""
    label_smoothing: float = 0.0
    """training targets are (1 - s) for the class plus s / classes for every class"""
    augmentation: Augmentation = Augmentation()
    """what is done to the training images"""
    balanced: bool = False
    """every class is drawn equally often: for uneven classes; images of small classes come several times an epoch"""
    focus: int = 1
    """above 1, training images whose loss is above the mean come so many times as often as the others, but for the
    first sixteenth and the last eighth of the epochs; an epoch has as many images as without, and its loss is theirs.
    Not with balanced, the schedule plateau or early_stopping_patience"""
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """what the layers compute in (the variables stay in float32); auto: the fastest this machine computes natively"""
    seed: int = 0
    """of initialization, order, augmentation and dropout"""
    deterministic: bool = False
    """the same bits from every run with the same seed, also where faster kernels would add in another order"""

    def held(self, num_devices):
        """Images of a batch that one of so many devices holds at a time, at least 1."""
        return max(1, self.batch_size // (self.accumulate * num_devices))

    def __post_init__(self):
        check_name("optimizer", self.optimizer, OPTIMIZERS)
        check_name("schedule", self.schedule, SCHEDULES)
        check_name("precision", self.precision, PRECISIONS)
        for name, low, high in [
            ("epochs", 1, None),
            ("batch_size", 1, None),
            ("momentum", 0, 1),
            ("weight_decay", 0, None),
            ("warmup_fraction", 0, 1),
            ("plateau_patience", 1, None),
            ("plateau_factor", 0, 1),
            ("plateau_drops", 0, None),
            ("label_smoothing", 0, 1),
            ("accumulate", 1, self.batch_size),
            ("focus", 1, None),
            ("early_stopping_patience", 0, None),
            ("seed", 0, 2**32 - 1),  # as NumPy takes it
        ]:
            value = getattr(self, name)
            if not value >= low or (high is not None and value > high):
                valid = f"at least {low}" if high is None else f"in [{low}, {high}]"
                raise InputError(f"{name} has to be {valid}, received {value}")
        if self.learning_rate_factors and self.optimizer == "adamw":
            raise InputError(f"learning_rate_factors go with the optimizers sgd and muon, received {self.optimizer!r}")
        if not all(factor >= 0 for factor in self.learning_rate_factors.values()):
            raise InputError(f"learning_rate_factors have to be at least 0, received {self.learning_rate_factors}")
        if not all(epoch >= 1 for epoch in self.unfreeze.values()):
            raise InputError(f"unfreeze names epochs from 1 on, received {self.unfreeze}")
        if self.focus > 1 and self.balanced:
            raise InputError(f"balanced and focus {self.focus} both say how often an image comes; give one of them")
        if self.focus > 1 and (self.schedule == "plateau" or self.early_stopping_patience):
            ends = "schedule 'plateau'" if self.schedule == "plateau" else "early_stopping_patience"
            raise InputError(
                f"focus {self.focus} needs the last epochs, where all images come alike, and {ends} may end before them"
            )
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise InputError(f"clip_norm has to be above 0, or None for no clipping, received {self.clip_norm}")
        if not 0 <= self.ema_decay < 1:
            raise InputError(f"ema_decay has to be in [0, 1), received {self.ema_decay}")
        if not 0 < self.learning_rate < float("inf"):
            raise InputError(f"learning_rate has to be above 0 and finite, received {self.learning_rate}")
