"""HomeomorphicEncryptor: from rows and labels to ciphertexts and back."""
