"""Kernels for Keras on jax."""
