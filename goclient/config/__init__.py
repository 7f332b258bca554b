"""Settings: the environment, the catalogue of endpoints, the grid."""
