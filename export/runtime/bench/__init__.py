"""How quick, large and well-used exported models are on this machine; no torch."""
