"""One process at a time trains in a run folder, and none goes on with a run on other images."""

import dataclasses

import pytest

from nntricks_keras import training
from nntricks_keras.errors import InputError
from nntricks_keras.locks import held
from tests.training.small_runs import PREPROCESSING, RECIPE, build, train


@pytest.mark.parametrize("flags", [{}, {"resume": True}, {"overwrite": True}])
def test_a_folder_in_which_another_process_trains_is_refused(images, tmp_path, flags):
    """Also when that process came while this one read its data: at the first look the folder was still free."""
    folder = tmp_path / "run"
    folder.mkdir()
    if flags:
        (folder / "environment.json").write_text("{}")
    with held(folder / ".lock", "it"), pytest.raises(InputError, match="another process is training in"):
        train(images, folder, **flags)
    assert {path.name for path in folder.iterdir()} == {".lock"} | ({"environment.json"} if flags else set())


def test_a_run_that_another_process_has_ended_meanwhile_is_not_written_over(images, tmp_path):
    def build_slowly():
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "metrics.json").write_text("{}")
        return build()

    with pytest.raises(InputError, match="not empty"):
        training.train(build_slowly, images, PREPROCESSING, RECIPE, tmp_path / "run")
    assert (tmp_path / "run" / "metrics.json").read_text() == "{}"


def test_a_folder_that_was_claimed_and_never_written_is_free(images, tmp_path):
    folder = tmp_path / "run"
    with held(folder / ".lock", "it"):
        pass
    assert train(images, folder, dataclasses.replace(RECIPE, epochs=1), lean=True).is_complete


@pytest.mark.parametrize("flags", [{}, {"overwrite": True}])
def test_a_folder_in_which_the_first_file_was_left_half_written_is_free(images, tmp_path, flags):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in (".lock", ".environment.json.partial"):
        (folder / name).write_text("")
    run = train(images, folder, dataclasses.replace(RECIPE, epochs=1), lean=True, **flags)
    assert run.is_complete
    assert not (folder / ".environment.json.partial").exists()


def test_resume_with_other_data_names_what_changed(images, tmp_path):
    """As when files were added to a folder: its splits are then dealt out anew."""
    train(images, tmp_path / "run", dataclasses.replace(RECIPE, epochs=1), lean=True)
    (tmp_path / "run" / "metrics.json").unlink()
    before = (tmp_path / "run" / "inputs.json").read_bytes()
    more = dataclasses.replace(images, counts={**images.counts, "train": images.counts["train"] + 4})
    renamed = dataclasses.replace(images, class_names=["a", "b", "c"])
    for other, named in [
        (more, r"counts\.train was 5\d, now 6\d"),
        (renamed, r"class_names was .*, now \['a', 'b', 'c'\]"),
    ]:
        with pytest.raises(InputError, match=named):
            train(other, tmp_path / "run", dataclasses.replace(RECIPE, epochs=1), resume=True)
    preprocessing = dataclasses.replace(PREPROCESSING, mean=(120.0,))
    with pytest.raises(InputError, match=r"preprocessing\.mean was \[127\.0\], now \[120\.0\]"):
        training.train(
            build, images, preprocessing, dataclasses.replace(RECIPE, epochs=1), tmp_path / "run", resume=True
        )
    assert (tmp_path / "run" / "inputs.json").read_bytes() == before
