"""A wrong name is answered with what would be right, and never with a page of names."""

import pytest

from nntricks_keras.errors import InputError, check_name


@pytest.mark.parametrize(
    ("name", "valid", "hint"),
    [
        ("rleu", ["relu", "elu", "tanh"], "'rleu'; nearest: relu, elu"),
        ("xyz", ["relu", "elu"], "valid: elu, relu"),
        ("xyz", [f"name_{i}" for i in range(500)], "none of the 500 valid names"),
    ],
)
def test_the_nearest_names(name, valid, hint):
    with pytest.raises(InputError, match=hint):
        check_name("activation", name, valid)


def test_a_right_name_is_returned():
    assert check_name("activation", "elu", ["relu", "elu"]) == "elu"
