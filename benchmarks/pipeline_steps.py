"""Training steps by the clock, on all cores: fed by the pipeline, and on one batch held in memory."""

import time

import numpy as np

from benchmarks.intervals import summary


def compare_steps(jpegs, num_steps, rounds=8):
    """Rows: the step, milliseconds when fed and when held, the median of their ratios, and what it may be at most."""
    import zoo

    rows = []
    for title, name, input_shape, batches in cases(jpegs):
        model = zoo.create(name, input_shape=input_shape, num_classes=10)
        model.compile(optimizer="sgd", loss="categorical_crossentropy")
        held = batches.take(1).cache().repeat()
        times = {"fed": [], "held": []}
        for _ in range(rounds):
            for kind, source in (("fed", batches), ("held", held)):
                iterator = iter(source)
                model.train_on_batch(*next(iterator))
                start = time.perf_counter()
                for _ in range(num_steps):
                    model.train_on_batch(*next(iterator))
                times[kind].append((time.perf_counter() - start) / num_steps)
        fed, at_rest = (np.array(times[kind]) for kind in ("fed", "held"))
        rows.append(
            {
                "step": title,
                "fed_ms": f"{np.median(fed) * 1e3:.1f}",
                "held_ms": f"{np.median(at_rest) * 1e3:.1f}",
                **summary(fed / at_rest, 3),
                "at_most": 1.08,
            }
        )
        print(*rows[-1].values(), sep="\t", flush=True)
    return rows


def cases(jpegs):
    """(title, model's name, its input shape, endless batches) of each row."""
    from nntricks_keras import data
    from nntricks_keras.data.stores import EncodedStore

    names = [f"photograph {n}" for n in range(len(jpegs))]
    photographs = EncodedStore(names, [0] * len(jpegs), jpegs).dataset()
    for title, name, dataset, looks, preset, batch_size in [
        ("vgg_mini, 28 px, preset quick", "vgg_mini", data.load("fashion_mnist_mini").train,
         data.Preprocessing(28, mean=73.0, std=90.0, channels="grey"), "quick", 64),
        ("alexnet, 224 px JPEG", "alexnet", photographs, data.Preprocessing(224, mean=120.0, std=60.0),
         "alexnet2012", 32),
    ]:  # fmt: skip
        augmentation = data.Augmentation.preset(preset)
        yield (
            title,
            name,
            looks.input_shape,
            data.pipeline(
                dataset,
                looks,
                batch_size=batch_size,
                num_classes=10,
                training=True,
                repeat=True,
                augmentation=augmentation,
            ),
        )
