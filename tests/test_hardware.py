"""What this machine is called."""

from pathlib import Path

import pytest

from nntricks_keras import hardware


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("fpu sse2 avx2 fma", "AMD EPYC"),
        ("avx2 avx512f avx512_bf16", "AMD EPYC (AVX-512, bfloat16)"),
        ("avx512f amx_bf16 avx512_bf16 amx_tile", "AMD EPYC (AVX-512, bfloat16, AMX)"),
    ],
)
def test_processors_of_one_name_are_told_apart(monkeypatch, flags, name):
    one = f"processor\t: 0\nmodel name\t: AMD EPYC\npower management:\nflags\t\t: {flags}\n\n"
    monkeypatch.setattr(Path, "read_text", lambda path: one + one.replace("EPYC", "other"))
    assert hardware.processor_name() == name


@pytest.mark.parametrize("answer", ["processor\t: 0\nFeatures\t: fp asimd bf16\n", OSError("no /proc here")])
def test_where_the_system_tells_no_model_the_kind_of_machine_is_told(monkeypatch, answer):
    def read(path):
        if isinstance(answer, str):
            return answer
        raise answer

    monkeypatch.setattr(Path, "read_text", read)
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert hardware.processor_name() == "aarch64"
