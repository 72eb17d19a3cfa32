"""The variance of a signal is multiplied layer by layer by n Var(w), as derived; the right weights keep it.

Claim     slide 7: the variance of sum x_i w_i is n Var(w) Var(x); we want n Var(w) = 1, hence weights times 1/sqrt(n),
          or sqrt(2)/sqrt(n_in + n_out) (Glorot); for ReLU, which passes on half, sqrt(2)/sqrt(n_in) (He).
Source    Glorot and Bengio (2010), equation 5; He et al. (2015), equation 9; Poole et al. (2016), equation 3 (tanh).
Command   python -m examples.variance_through_depth [--full]
Method    20 equal layers, Fashion-MNIST images, the mean square q of the sums of each layer before training. Derived,
          from one layer to the next: q' = n Var(w) E f(z)^2 with z ~ N(0, q); that is n Var(w) q for no activation,
          half of it for ReLU, an integral for tanh. "Off" is |ln(measured / derived)| of the factor a layer, the
          geometric mean from layer 1 to 20; allowed are 5 %.
Measured  confirmed (2 cores of Intel(R) Xeon(R) Processor, 92 s, 2026-11-24)
          confirmed: He keeps the variance through 20 ReLU layers (factor a layer is off 1 by): 0.023 (0.00678 ..
            0.0393), n = 5
          confirmed: 1/sqrt(n) keeps it through 20 layers without an activation (factor a layer is off 1 by): 0.00511
            (-0.000579 .. 0.0108), n = 5
          confirmed: ReLU follows the derived factor for 0.03, 1/sqrt(n), Glorot and He (largest |ln| it is off by):
            0.023 (0.00678 .. 0.0393), n = 5
          confirmed: tanh follows the mean field for the same four (largest |ln| it is off by): 0.0068 (0.00376 ..
            0.00983), n = 5
          confirmed: From zeros there is no signal in any layer (largest mean square): 0 (0 .. 0), n = 5
          confirmed: A kept variance learns faster: He against 0.03, 20 ReLU layers (difference of test accuracy): 0.624
            (0.605 .. 0.644), n = 5
"""

import sys

import keras
import numpy as np

from examples.measuring.claims import Check
from examples.measuring.drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, draw_accuracy, draw_band, plain, write
from examples.measuring.fitting import fashion, fit
from examples.measuring.networks import factor_a_layer, mlp, rms, signals
from examples.measuring.running import Result, main
from nntricks_keras import initializers

NUMBER = 8
SIZES = {
    "tiny": {"depth": 5, "width": 64, "images": 200, "steps": 10, "rates": (0.01,)},
    "default": {"depth": 20, "width": 256, "images": 500, "steps": 300, "rates": (0.003, 0.01, 0.03)},
    "full": {"depth": 20, "width": 1024, "images": 2000, "steps": 2000, "rates": (0.001, 0.003, 0.01, 0.03)},
}
TOLERANCE = np.log(1.05)
INITIALIZERS = {
    "zeros": lambda seed: keras.initializers.Zeros(),
    "0.03 N(0, 1)": initializers.Gaussian,
    "1/sqrt(n)": initializers.Xavier,
    "Glorot": initializers.Glorot,
    "He": initializers.He,
}
COLORS = dict(zip(INITIALIZERS, (GREY, PURPLE, ORANGE, BLUE, GREEN), strict=True))


def derived(activation, variance_sum, first, depth):
    """q of every layer from that of the first; variance_sum is n Var(w) between equal layers."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    function = {"linear": lambda z: z, "relu": lambda z: np.maximum(z, 0), "tanh": np.tanh}[activation]
    sizes = [first]
    for _ in range(depth - 1):
        values = function(np.sqrt(sizes[-1]) * nodes)
        sizes.append(variance_sum * float(weights @ values**2) / np.sqrt(2 * np.pi))
    return sizes


def measure(settings, seeds):
    images, width, depth = fashion(), settings["width"], settings["depth"]
    batch = images.x_test[: settings["images"]], images.y_test[: settings["images"]]
    mean_square_of_image = rms(batch[0]) ** 2
    variance_sums = {"zeros": 0, "0.03 N(0, 1)": width * 0.03**2, "1/sqrt(n)": 1, "Glorot": 1, "He": 2}
    inputs = batch[0][0].size
    first_sums = {**variance_sums, "0.03 N(0, 1)": inputs * 0.03**2, "Glorot": 2 * inputs / (inputs + width)}
    measured, theory = {}, {}
    for activation in ("linear", "relu", "tanh"):
        for name, initializer in INITIALIZERS.items():
            models = (mlp(activation, seed, depth=depth, width=width, initializer=initializer) for seed in seeds)
            sizes = [[rms(sums) ** 2 for sums in signals(model, *batch).sums] for model in models]
            measured[activation, name] = np.array(sizes)
            first = first_sums[name] * mean_square_of_image
            theory[activation, name] = np.array(derived(activation, variance_sums[name], first, depth))

    def off(activation, names):
        """The largest |ln| of measured over derived factor a layer among these initializations; a number a seed."""
        return tuple(
            max(
                abs(np.log(factor_a_layer(measured[activation, name][seed]) / factor_a_layer(theory[activation, name])))
                for name in names
            )
            for seed in range(len(seeds))
        )

    noisy = [name for name in INITIALIZERS if name != "zeros"]
    trained = {name: _trained(INITIALIZERS[name], settings, seeds) for name in ("0.03 N(0, 1)", "1/sqrt(n)", "He")}
    final = {name: np.array([curve.accuracy[-3:].mean() for curve in curves]) for name, curves in trained.items()}
    checks = (
        Check(f"He keeps the variance through {depth} ReLU layers (factor a layer is off 1 by)",
              tuple(abs(np.log(factor_a_layer(sizes))) for sizes in measured["relu", "He"]), TOLERANCE, above=False),
        Check(f"1/sqrt(n) keeps it through {depth} layers without an activation (factor a layer is off 1 by)",
              tuple(abs(np.log(factor_a_layer(sizes))) for sizes in measured["linear", "1/sqrt(n)"]),
              TOLERANCE, above=False),
        Check("ReLU follows the derived factor for 0.03, 1/sqrt(n), Glorot and He (largest |ln| it is off by)",
              off("relu", noisy), TOLERANCE, above=False),
        Check("tanh follows the mean field for the same four (largest |ln| it is off by)",
              off("tanh", noisy), TOLERANCE, above=False),
        Check("From zeros there is no signal in any layer (largest mean square)",
              tuple(np.max([measured[f, "zeros"][seed] for f in ("linear", "relu", "tanh")])
                    for seed in range(len(seeds))), float(np.finfo("float32").tiny), above=False, exact=True),
        Check(f"A kept variance learns faster: He against 0.03, {depth} ReLU layers (difference of test accuracy)",
              tuple(final["He"] - final["0.03 N(0, 1)"]), 0.0),
    )  # fmt: skip
    return Result(checks, {"depth": depth, "measured": measured, "theory": theory, "trained": trained})


def _trained(initializer, settings, seeds):
    """Curves of ReLU layers at the rate of the best accuracy at the end, one a seed."""

    def train(rate, seed):
        model = mlp("relu", seed, depth=settings["depth"], width=64, initializer=initializer)
        steps = settings["steps"]
        return fit(model, fashion(), num_steps=steps, rate=rate, seed=seed, every=max(steps // 15, 1))

    at_rates = [[train(rate, seed) for seed in seeds] for rate in settings["rates"]]
    return max(at_rates, key=lambda curves: np.mean([curve.accuracy[-3:].mean() for curve in curves]))


# Where the names of the lines stand: (layer, mean square).
PLACES = {
    "relu": {"He": (20, 30), "Glorot": (20, 3e-3), "1/sqrt(n)": (12.5, 1e-5), "0.03 N(0, 1)": (8.5, 1e-9)},
    "tanh": {"He": (20, 6), "Glorot": (20, 1e-4), "1/sqrt(n)": (20, 3e-3), "0.03 N(0, 1)": (10.5, 1e-9)},
}


def draw(figure, data):
    figure.set_size_inches(11, 4.4)
    panels, layers = figure.subplots(1, 3, width_ratios=(1.2, 1.2, 1)), np.arange(1, data["depth"] + 1)
    for axes, (activation, places) in zip(panels, PLACES.items(), strict=False):
        for name, place in places.items():
            draw_band(axes, layers, data["measured"][activation, name], COLORS[name], marker="o", markersize=3.5, lw=0)
            axes.plot(layers, data["theory"][activation, name], color=COLORS[name], linestyle="--", linewidth=1.2)
            write(axes, *place, name, COLORS[name], ha="right")
        write(axes, 1, 1e-17, "zeros: 0 in every layer", COLORS["zeros"])
        axes.set(yscale="log", ylim=(1e-18, 1e3), xticks=(1, 5, 10, 15, 20))
        title = {"relu": "ReLU", "tanh": "tanh"}[activation]
        plain(axes, f"{title}: measured (dots), derived (dashes)", "layer", "mean square of the sums")
    for (name, curves), height in zip(data["trained"].items(), (0.13, 0.57, 0.8), strict=True):
        draw_accuracy(panels[2], curves, COLORS[name])
        write(panels[2], curves[0].steps[-1], height, name, COLORS[name], ha="right")
    panels[2].set_ylim(0, 1)
    plain(panels[2], f"{data['depth']} ReLU layers of 64, best rates", "steps", "test accuracy")


if __name__ == "__main__":
    main(sys.modules[__name__])
