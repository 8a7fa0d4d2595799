"""The backbones: the networks to choose from, and how long the vectors of each are."""

DIMENSIONS = {"mobilenet_v2": 1280, "resnet50": 2048, "vgg16": 512, "vgg16_fc512": 512}
"""Length of a feature vector by the backbone's name; a PCA of these vectors has at most as many components."""

IMAGES_PER_VCPU_S = {"mobilenet_v2": 90.0, "resnet50": 12.0, "vgg16": 3.0, "vgg16_fc512": 3.0}
"""Images a second that one vCPU computes in float32, as docs/benchmarks.md has it; a forecast begins with them."""
