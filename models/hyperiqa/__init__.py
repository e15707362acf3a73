"""HyperIQA for PyTorch: network, backbones, checkpoints and the export of model files.

Source of the architecture: Su et al., "Blindly Assess Image Quality in the Wild Guided by a Self-Adaptive Hyper
Network", CVPR 2020.
"""

__version__ = "0.1.0"

from .network import HyperIQA, PatchScorer, build_network

__all__ = ["HyperIQA", "PatchScorer", "__version__", "build_network"]
