"""Training steps by the clock, on all cores: fed by the pipeline, and on one batch held in memory."""

import time


def compare_steps(jpegs, num_steps):
    """Rows: the step, best milliseconds when fed and when held, their ratio, and what it may be at most."""
    import zoo
    from nntricks_keras import data
    from nntricks_keras.data.stores import EncodedStore

    names = [f"photograph {n}" for n in range(len(jpegs))]
    photographs = EncodedStore(names, [0] * len(jpegs), jpegs).dataset()
    cases = [
        ("vgg_mini, 28 px, standard", "vgg_mini", data.load("fashion_mnist_mini").train,
         data.Preprocessing(28, mean=73.0, std=90.0, channels="grey"), "standard", 64),
        ("alexnet, 224 px JPEG", "alexnet", photographs, data.Preprocessing(224, mean=120.0, std=60.0),
         "alexnet2012", 32),
    ]  # fmt: skip
    rows = []
    for title, name, dataset, looks, preset, batch_size in cases:
        model = zoo.create(name, input_shape=looks.input_shape, num_classes=10)
        model.compile(optimizer="sgd", loss="categorical_crossentropy")
        batches = data.pipeline(
            dataset, looks, batch_size=batch_size, num_classes=10, training=True, repeat=True,
            augmentation=data.Augmentation.preset(preset),
        )  # fmt: skip
        held = batches.take(1).cache().repeat()
        times = {"fed": [], "held": []}
        for _ in range(4):
            for kind, source in (("fed", batches), ("held", held)):
                iterator = iter(source)
                model.train_on_batch(*next(iterator))
                start = time.perf_counter()
                for _ in range(num_steps):
                    model.train_on_batch(*next(iterator))
                times[kind].append((time.perf_counter() - start) / num_steps)
        fed, at_rest = min(times["fed"]), min(times["held"])
        rows.append([title, round(fed * 1e3, 1), round(at_rest * 1e3, 1), round(fed / at_rest, 3), 1.08])
        print(*rows[-1], sep="\t", flush=True)
    return rows
