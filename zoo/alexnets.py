"""AlexNet as published (two groups), without groups, as one weird trick has it, and `alexnet_mini` for small images.

Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks" (NIPS 2012), and
Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014).
"""

from zoo.network import make_builder
from zoo.variants import VARIANTS

alexnet = make_builder(VARIANTS["alexnet"])
alexnet_ungrouped = make_builder(VARIANTS["alexnet_ungrouped"])
alexnet_owt = make_builder(VARIANTS["alexnet_owt"])
alexnet_mini = make_builder(VARIANTS["alexnet_mini"])
