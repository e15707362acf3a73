"""Training of HyperIQA: distortions, labels, samples, trainer, evaluation."""
