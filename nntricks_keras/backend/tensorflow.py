"""Kernels for Keras on tensorflow."""
