"""The main job: encrypt, train, query, decrypt and attack, on tables and images."""
