"""A checkpoint brings back every variable, is whole or not there, and is never taken for another model's."""

import errno

import keras
import numpy as np
import pytest

from nntricks_keras import layers
from nntricks_keras.errors import InputError
from nntricks_keras.training.checkpoints import Checkpoints, restore


def trained_model(rng, width=4):
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(width),
            layers.BatchNorm(),
            layers.Dropout(0.5),
            keras.layers.Dense(2),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    model.fit(rng.normal(size=(16, 3)), rng.normal(size=(16, 2)), epochs=2, verbose=0)
    return model


def values(model):
    return [keras.ops.convert_to_numpy(variable) for variable in [*model.variables, *model.optimizer.variables]]


def test_every_variable_comes_back_the_seed_generators_included(rng, tmp_path):
    model, other = trained_model(rng), trained_model(rng)
    Checkpoints(tmp_path).save(model, {"step": 8, "epoch": 2})
    state, arrays = Checkpoints(tmp_path).newest()
    restore(other, state, arrays)
    assert (state["step"], state["epoch"]) == (8, 2)
    assert any("seed" in variable.path for variable in model.variables)
    for mine, restored in zip(values(model), values(other), strict=True):
        np.testing.assert_array_equal(mine, restored)


def test_bfloat16_variables_come_back_bit_for_bit(rng, tmp_path):
    models = [keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, dtype="bfloat16")]) for _ in range(2)]
    for model in models:
        model.compile("sgd", "mse")
        model.optimizer.build(model.trainable_variables)
    Checkpoints(tmp_path).save(models[0], {"step": 1})
    restore(models[1], *Checkpoints(tmp_path).newest())
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(models[0].layers[0].kernel), keras.ops.convert_to_numpy(models[1].layers[0].kernel)
    )


def test_only_the_newest_stay(rng, tmp_path):
    model = trained_model(rng)
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (9, 10, 11):
        checkpoints.save(model, {"step": step})
    assert [path.name for path in checkpoints.paths()] == ["step-00000010.npz", "step-00000011.npz"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "shorter"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_taken(rng, tmp_path, damage):
    model = trained_model(rng, width=20000)  # NumPy reads small arrays to their CRC, whatever their header says
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(model, {"step": 1})
    newest = checkpoints.save(model, {"step": 2})
    content = bytearray(newest.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "shorter":  # an array's header, of which NumPy believes the shape
        content = content.replace(b"'shape': (20000,)", b"'shape': (10000,)", 1)
    else:
        content[200] ^= 0xFF  # in the first array's data
    newest.write_bytes(content)
    with pytest.warns(UserWarning, match="step-00000002"):
        state, _ = checkpoints.newest()
    assert state["step"] == 1


@pytest.mark.filterwarnings("ignore:.*cannot be read")
def test_a_wrong_byte_anywhere_is_noticed_or_harmless(rng, tmp_path):
    """Half of them in the archive's directory, which is short beside large arrays and tells of all of them."""
    model = trained_model(rng)
    path = Checkpoints(tmp_path).save(model, {"step": 2})
    state, arrays = Checkpoints(tmp_path).newest()
    content = path.read_bytes()
    directory = content.index(b"PK\x01\x02")
    places = [*rng.integers(0, directory, 100), *rng.integers(directory, len(content), 100)]
    noticed = 0
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= rng.integers(1, 256)
        path.write_bytes(damaged)
        try:
            state_now, arrays_now = Checkpoints(tmp_path).newest()
        except InputError:
            noticed += 1
            continue
        assert state_now == state, place  # as when the byte is of a date
        for name, array in arrays.items():
            np.testing.assert_array_equal(arrays_now[name], array, err_msg=f"byte {place}")
    assert noticed > 60


def test_when_none_can_be_read_the_run_does_not_begin_again(rng, tmp_path):
    model = trained_model(rng)
    for step in (1, 2):
        Checkpoints(tmp_path).save(model, {"step": step}).write_bytes(b"")
    with pytest.warns(UserWarning, match="cannot be read"), pytest.raises(InputError, match="no checkpoint in"):
        Checkpoints(tmp_path).newest()


def test_what_a_run_writes_after_it_fell_back_is_kept_and_the_damaged_ones_are_not(rng, tmp_path):
    model = trained_model(rng)
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (300, 200, 10):
        checkpoints.folder.joinpath(f"step-{step:08d}.npz").write_bytes(b"")
    checkpoints.save(model, {"step": 20})
    checkpoints.save(model, {"step": 30})
    assert [path.name for path in checkpoints.paths()] == ["step-00000020.npz", "step-00000030.npz"]
    assert checkpoints.newest()[0]["step"] == 30


def test_half_a_file_that_a_kill_left_is_deleted(rng, tmp_path):
    (tmp_path / ".step-00000007.npz.partial").write_bytes(b"half")
    Checkpoints(tmp_path).save(trained_model(rng), {"step": 8})
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000008.npz"]


def test_a_full_disk_leaves_the_last_good_checkpoint(rng, tmp_path, monkeypatch):
    model = trained_model(rng)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(model, {"step": 1})

    def full(file, **arrays):
        file.write(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(model, {"step": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001.npz"]
    assert checkpoints.newest()[0]["step"] == 1


def test_another_models_checkpoint_is_refused_and_nothing_is_half_loaded(rng, tmp_path):
    model, other = trained_model(rng, width=4), trained_model(rng, width=5)
    Checkpoints(tmp_path).save(model, {"step": 1})
    before = values(other)
    with pytest.raises(InputError, match="another model"):
        restore(other, *Checkpoints(tmp_path).newest())
    for mine, now in zip(before, values(other), strict=True):
        np.testing.assert_array_equal(mine, now)


def test_no_checkpoint_yet(tmp_path):
    assert Checkpoints(tmp_path / "none").newest() is None
