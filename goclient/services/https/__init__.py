"""Files of servers that speak HTTP: WebDAV servers, and the HTTPS servers of Globus collections."""
