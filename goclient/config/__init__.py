"""Configuration: settings files, the environment, the catalogue of endpoints, the grid."""
