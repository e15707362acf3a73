"""Training on images with human scores: readers of the published sets, splits, crops, trainer, evaluation."""
