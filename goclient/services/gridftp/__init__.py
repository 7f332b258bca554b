"""Client of GridFTP servers: it looks, changes and copies, and hands nobody a credential of the user."""
