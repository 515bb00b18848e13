"""Stateless keyed bijections, each with ``forward`` and ``inverse`` side by side.

``base``         what a cipher is; pieces of rows on threads
``lattice``      rows as integers, exactly and back
``prf``          universal hash and AES: pseudorandom functions of whole rows
``lock``         the coupling net of Naor and Reingold made of them
``packing``      view and residue in the 53 bits of float64
``view_cipher``  the cipher, put together from these parts
``tensors``      the same on torch tensors
``aes``          AES-256 on torch tensors; ``aes_kernel`` is its kernel for GPUs
``smooth``       the smooth homeomorphism of the whole space
``skew``         the sinh-arcsinh map and the smooth lock made of it
``rotation``     keyed orthogonal maps
``products``     products of real rows that have the same bits in any batch
``tanh``         the published cipher, a broken baseline
"""
