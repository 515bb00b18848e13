"""Images to feature vectors, vectors to images, and their display."""
