"""How hard it is to find a thing among others: models beside people."""
