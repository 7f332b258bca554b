"""MyProxy, as the servers of the Grid Community Toolkit speak it: deposit, look, retrieve, destroy.

It needs of goclient only its errors and its deadlines.  ``info`` and ``destroy`` load neither cryptography nor
pydantic: they are to be as quick as the C tools.
"""
