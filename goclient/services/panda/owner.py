"""Owner of a job: the person who submitted it, as the PanDA server names them, and which certificates are theirs."""

from __future__ import annotations

import re

from goclient.services.gsi.names import base_dn
from goclient.services.gsi.spelling import right_form

# What pandaserver/srvcore/CoreUtils.py (clean_user_id, server 1.0.4) takes out of a DN to make a person's name of it.
_NOT_OF_A_NAME = re.compile(r"/(?:DC|OU|O|C|L)=[^/]+|/CN=(?:limited )?proxy|/CN=(?:Robot|nickname):[^/]+")
_DIGITS = re.compile(r"/CN=[0-9]+|[ _][0-9]+")
_EMAIL = re.compile(r" [a-z][\w.-]+@[\w.-]+(?:\.\w+)+")


def is_owned(owner: str, dn: str) -> bool:
    """Return True if a certificate with this DN, without proxies, belongs to the owner of a job.

    The server knows an owner by the DN of what the job was submitted with, which may be a proxy; or, if that was a
    token or the job is one of a task, by the name that it would also make of the DN.
    """
    if not owner.startswith("/"):
        return person_name(owner) != "" and person_name(owner) == person_name(dn)
    told, mine = right_form(owner) or owner, right_form(dn) or dn
    # Only what a proxy adds may follow: for others, digits at the end may be a part of the name.
    return told == mine or (told.startswith(f"{mine}/CN=") and base_dn(told) == base_dn(mine))


def person_name(dn: str) -> str:
    """Return the name by which the PanDA server knows a person with a DN, or with such a name in a token."""
    name = _DIGITS.sub("", _NOT_OF_A_NAME.sub("", dn)).rpartition("/CN=")[2]
    name = re.split("/email", name, flags=re.IGNORECASE)[0].translate({ord(sign): None for sign in "()'"})
    without_email = _EMAIL.sub("", name).strip()
    return without_email if " " in without_email else name
