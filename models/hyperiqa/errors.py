"""The error of this package."""


class ModelError(Exception):
    """Something is wrong with a checkpoint, a preset or a model file.

    Attributes:
        code: stable identifier, for programs:
            ERR_CHECKPOINT_READ    the file cannot be opened,
            ERR_CHECKPOINT_FORMAT  it is no PyTorch checkpoint, or none of a known layout,
            ERR_CHECKPOINT_KEYS    weights are missing or unknown,
            ERR_CHECKPOINT_SHAPE   weights have another shape or type than the network's,
            ERR_CHECKPOINT_VALUES  weights are not finite, or leave the range of half precision,
            ERR_DATASET            the preset is unknown or does not fit the checkpoint,
            ERR_MODEL_FILE         a model file cannot be written or is not what was written.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
