"""Certificates, proxies and TLS as the grid's security infrastructure has them."""
