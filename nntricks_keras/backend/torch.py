"""Kernels for Keras on torch."""

import torch


def gradient_pass(function, reduce, compiled):
    """As the function of this name for TensorFlow; torch has nothing to compile here."""

    def one_pass(trainable, others, data):
        leaves = [value.detach().requires_grad_() for value in trainable]
        tapped = {}

        def tap(key, tensor):
            tapped[key] = tensor if tensor.requires_grad else tensor.detach().requires_grad_()
            return tapped[key]

        # Keras's Dropout without a seed draws from torch's global generator, which a pass must not move on.
        with torch.random.fork_rng(range(torch.cuda.device_count())), torch.enable_grad():
            loss, notes = function(tap, leaves, others, data)
            if loss is None:
                return reduce(None, notes, None, None)
            if not loss.requires_grad:  # it does not depend on anything that was tapped
                by_key, by_weight = dict.fromkeys(tapped), [None] * len(leaves)
            else:
                gradients = torch.autograd.grad(loss, [*leaves, *tapped.values()], allow_unused=True)
                by_key = dict(zip(tapped, gradients[len(leaves) :], strict=True))
                by_weight = gradients[: len(leaves)]
        with torch.no_grad():
            return reduce(loss, notes, by_key, by_weight)

    return one_pass
