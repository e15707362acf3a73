"""The face detector of hyperiqa: MTCNN's three networks, and their export as a model file.

Source: Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", IEEE Signal
Processing Letters 23 (2016).
"""
