"""Files of encrypted tables: what the command line's encrypt and decrypt do."""
