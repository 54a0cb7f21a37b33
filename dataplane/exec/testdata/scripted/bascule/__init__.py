"""A stand-in for the real package: only `bascule._worker`, which does what its services' names say."""
