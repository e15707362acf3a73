"""HyperIQA for PyTorch: network, backbones, checkpoints and the metadata of exported models.

Source of the architecture: Su et al., "Blindly Assess Image Quality in the Wild Guided by a Self-Adaptive Hyper
Network", CVPR 2020.
"""

from .network import HyperIQA, PatchScorer, build_network

__all__ = ["HyperIQA", "PatchScorer", "build_network"]
