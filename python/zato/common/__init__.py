"""Names that services written for Zato import; all of it is Bascule's own code."""
