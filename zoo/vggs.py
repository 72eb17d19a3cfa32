"""VGG A, A-LRN, B, C, D and E (11 to 19 layers), all but A-LRN also with BatchNorm, and `vgg_mini` for small images.

Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition" (ICLR 2015), table 1.
"""

from zoo.network import make_builder
from zoo.variants import VARIANTS

vgg11 = make_builder(VARIANTS["vgg11"])
vgg11_bn = make_builder(VARIANTS["vgg11_bn"])
vgg11_lrn = make_builder(VARIANTS["vgg11_lrn"])
vgg13 = make_builder(VARIANTS["vgg13"])
vgg13_bn = make_builder(VARIANTS["vgg13_bn"])
vgg16c = make_builder(VARIANTS["vgg16c"])
vgg16c_bn = make_builder(VARIANTS["vgg16c_bn"])
vgg16 = make_builder(VARIANTS["vgg16"])
vgg16_bn = make_builder(VARIANTS["vgg16_bn"])
vgg19 = make_builder(VARIANTS["vgg19"])
vgg19_bn = make_builder(VARIANTS["vgg19_bn"])
vgg_mini = make_builder(VARIANTS["vgg_mini"])
