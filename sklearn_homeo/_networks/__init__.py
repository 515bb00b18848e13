"""Torch modules; nothing here knows scikit-learn.

``efficientnet``  the pretrained network of the default features
"""
