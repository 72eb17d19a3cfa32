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
