"""One encryptor for several owners' rows: the server and the owners."""
