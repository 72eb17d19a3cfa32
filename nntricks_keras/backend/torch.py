"""Kernels for Keras on torch."""
