"""A distinguished name as certificates hold it: on one line as OpenSSL writes it, and the hash that names CA files."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from goclient.services.gsi import der
from goclient.services.gsi.der import Damaged, encode

_COMMON_NAME = bytes.fromhex("550403")  # 2.5.4.3
_VISIBLE_STRING = 0x1A
_ENCODINGS = {
    der.BMP: "utf-16-be", der.UNIVERSAL: "utf-32-be", der.T61: "latin-1", der.UTF8: "utf-8", der.PRINTABLE: "latin-1",
    der.IA5: "latin-1", _VISIBLE_STRING: "latin-1",
}  # fmt: skip
# Short names of OpenSSL's objects.txt, by arc; any other object is written as a number.
_ARCS = {
    "2.5.4.": (
        "3=CN 4=SN 5=serialNumber 6=C 7=L 8=ST 9=street 10=O 11=OU 12=title 13=description 14=searchGuide "
        "15=businessCategory 16=postalAddress 17=postalCode 18=postOfficeBox "
        "19=physicalDeliveryOfficeName 20=telephoneNumber 21=telexNumber 22=teletexTerminalIdentifier "
        "23=facsimileTelephoneNumber 24=x121Address 25=internationaliSDNNumber 26=registeredAddress "
        "27=destinationIndicator 28=preferredDeliveryMethod 29=presentationAddress "
        "30=supportedApplicationContext 31=member 32=owner 33=roleOccupant 34=seeAlso 35=userPassword "
        "36=userCertificate 37=cACertificate 38=authorityRevocationList 39=certificateRevocationList "
        "40=crossCertificatePair 41=name 42=GN 43=initials 44=generationQualifier 45=x500UniqueIdentifier "
        "46=dnQualifier 47=enhancedSearchGuide 48=protocolInformation 49=distinguishedName "
        "50=uniqueMember 51=houseIdentifier 52=supportedAlgorithms 53=deltaRevocationList 54=dmdName "
        "65=pseudonym 72=role 97=organizationIdentifier 98=c3 99=n3 100=dnsName"
    ),
    "0.9.2342.19200300.100.1.": (
        "1=UID 2=textEncodedORAddress 3=mail 4=info 5=favouriteDrink 6=roomNumber 7=photo 8=userClass "
        "9=host 10=manager 11=documentIdentifier 12=documentTitle 13=documentVersion 14=documentAuthor "
        "15=documentLocation 20=homeTelephoneNumber 21=secretary 22=otherMailbox 23=lastModifiedTime "
        "24=lastModifiedBy 25=DC 26=aRecord 27=pilotAttributeType27 28=mXRecord 29=nSRecord 30=sOARecord "
        "31=cNAMERecord 37=associatedDomain 38=associatedName 39=homePostalAddress 40=personalTitle "
        "41=mobileTelephoneNumber 42=pagerTelephoneNumber 43=friendlyCountryName 44=uid "
        "45=organizationalStatus 46=janetMailbox 47=mailPreferenceOption 48=buildingName 49=dSAQuality "
        "50=singleLevelQuality 51=subtreeMinimumQuality 52=subtreeMaximumQuality 53=personalSignature "
        "54=dITRedirect 55=audio 56=documentPublisher"
    ),
    "1.2.840.113549.1.9.": (
        "1=emailAddress 2=unstructuredName 7=challengePassword 8=unstructuredAddress 20=friendlyName"
    ),
    "1.3.6.1.4.1.311.60.2.1.": "1=jurisdictionL 2=jurisdictionST 3=jurisdictionC",
    "1.3.6.1.5.5.7.9.": (
        "1=id-pda-dateOfBirth 2=id-pda-placeOfBirth 3=id-pda-gender 4=id-pda-countryOfCitizenship "
        "5=id-pda-countryOfResidence"
    ),
    "1.3.6.1.4.1.311.20.2.": "3=msUPN",
    "1.2.643.100.": "1=OGRN 3=SNILS 5=OGRNIP",
    "1.2.643.3.131.1.": "1=INN",
}
_SHORT = {
    arc + number: name for arc, names in _ARCS.items() for number, name in (one.split("=") for one in names.split())
}
NUMBERS = {name: number for number, name in _SHORT.items()}


# A slash and a plus in a value have a backslash since OpenSSL 3.0; a backslash has none.
_VISIBLE = {byte: chr(byte) for byte in range(0x20, 0x7F)} | {ord("/"): "\\/", ord("+"): "\\+"}
_PROXY_NAMES = ("proxy", "limited proxy")  # of proxies before RFC 3820


class Attribute(NamedTuple):
    """One attribute of a name: the content of its identifier, and its value with the tag of that."""

    kind: bytes
    tag: int
    value: bytes


class Name(NamedTuple):
    """A distinguished name: its parts in order, each with one attribute, rarely more."""

    parts: tuple[tuple[Attribute, ...], ...]

    @property
    def oneline(self) -> str:
        """Return the name as X509_NAME_oneline writes it: ``/C=…/CN=…``; raise Damaged."""
        line = ""
        for part in self.parts:
            numbered = ((der.oid(one.kind), one.value) for one in part)
            line += "/" + "+".join(f"{_SHORT.get(number, number)}={escape(value)}" for number, value in numbered)
        return line

    @property
    def common_names(self) -> tuple[str, ...]:
        """Return the common names in it."""
        found = (one.value for part in self.parts for one in part if one.kind == _COMMON_NAME)
        return tuple(value.decode("utf-8", "replace") for value in found)

    @property
    def hash(self) -> str:
        """Return the digits that a CA's files begin with: ``openssl x509 -subject_hash``, since OpenSSL 1.0."""
        canonical = b""
        for part in self.parts:
            # In DER the members of a set are in order.
            canonical += encode(der.SET, b"".join(sorted(_canonical(one) for one in part)))
        digest = hashlib.sha1(canonical, usedforsecurity=False).digest()
        return f"{int.from_bytes(digest[:4], 'little'):08x}"


def read_name(data: bytes) -> Name:
    """Return the name that some DER is; raise Damaged."""
    parts = []
    for part in der.values(der.only(data, der.SEQUENCE)):
        found = []
        for attribute in der.values(part.content):
            pair = der.values(attribute.content)
            if attribute.tag != der.SEQUENCE or len(pair) != 2 or pair[0].tag != der.OID:
                raise Damaged("its name is damaged")
            found.append(Attribute(pair[0].content, pair[1].tag, pair[1].content))
        if part.tag != der.SET or not found:
            raise Damaged("its name is damaged")
        parts.append(tuple(found))
    return Name(tuple(parts))


def escape(value: bytes) -> str:
    """Return a value as OpenSSL writes it on one line."""
    return "".join(_VISIBLE.get(byte) or f"\\x{byte:02X}" for byte in value)


def base_dn(dn: str) -> str:
    """Return the person behind a proxy: its DN without ``/CN=proxy``, ``/CN=limited proxy`` and ``/CN=<digits>``."""
    while True:
        rest, slash, last = dn.rpartition("/CN=")
        if rest.endswith("\\"):  # the slash is in a value
            return dn
        if not (slash and rest and (last in _PROXY_NAMES or (last.isascii() and last.isdigit()))):
            return dn
        dn = rest


def _canonical(attribute: Attribute) -> bytes:
    """Return an attribute as OpenSSL hashes it: letters small, blanks single, UTF-8; raise Damaged."""
    kind, tag, value = attribute
    if tag in _ENCODINGS:
        try:
            text = value.decode(_ENCODINGS[tag]).encode()
        except UnicodeError:
            raise Damaged("its name is damaged") from None
        tag, value = der.UTF8, b" ".join(text.split()).lower()
    return encode(der.SEQUENCE, encode(der.OID, kind) + encode(tag, value))
