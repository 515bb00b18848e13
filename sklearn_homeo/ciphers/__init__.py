"""Stateless keyed bijections, each with ``forward`` and ``inverse`` side by side.

``lattice``      the grid, its bit budget and exact integer arithmetic in float64
``products``     products of real rows that have the same bits in any batch
``rotation``     keyed orthogonal maps of real and of lattice vectors
``frame``        the data's own linear map onto the lattice
``coupling``     the exact integer coupling lock
``skew``         the sinh-arcsinh map and the smooth lock made of it
``seal``         what follows the coupling locks
``tanh``         the published cipher, a broken baseline
``composition``  whole ciphers put together from these parts
"""
