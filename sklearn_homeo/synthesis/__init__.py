"""ClassConditionalSynthesizer and the densities that it draws from."""
