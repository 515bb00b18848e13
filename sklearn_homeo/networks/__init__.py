"""Torch modules; nothing here knows scikit-learn.

``efficientnet``   the pretrained network of the default features
``convolutional``  encoders of images and decoders into images
``autoencoding``   the two put together, plain or variational, and their loss
``class_conditional``  a variational autoencoder of rows, given their class
"""
