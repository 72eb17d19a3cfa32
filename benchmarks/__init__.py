"""Ours beside their peers, measured with the kernels that the commands train with."""

from zoo.commands import enable_onednn

enable_onednn()
