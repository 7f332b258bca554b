"""A DN in any spelling gets the form that OpenSSL's compat output gives its certificate, or none at all."""

from __future__ import annotations

import subprocess
import time

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID as Oid
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import MyproxyError
from goclient.services.gsi.spelling import plain_form, right_form
from goclient.services.myproxy.policy import check_dn
from tests.services.gsi.test_certificate import BMP, CN, IA5, OU, certificate, part

C, O, ST, L = Oid.COUNTRY_NAME, Oid.ORGANIZATION_NAME, Oid.STATE_OR_PROVINCE_NAME, Oid.LOCALITY_NAME  # noqa: E741
DC, UID, MAIL = Oid.DOMAIN_COMPONENT, Oid.USER_ID, Oid.EMAIL_ADDRESS
Kind = x509.ObjectIdentifier
Parts = list[list[tuple[Kind, str]]]

# Each is printed in all the ways below; of an ordinary one every way has the right form.
ORDINARY: dict[str, Parts] = {
    "plain": [[(C, "TW")], [(O, "Test Grid")], [(OU, "Robots")], [(CN, "The Pilot (atlas)")]],
    "domains": [[(DC, "org")], [(DC, "doegrids")], [(OU, "People")], [(CN, "Nurcan Ozturk 18551")]],
    "a comma": [[(C, "US")], [(O, "University of California, San Diego")], [(CN, "x")]],
    "quotes": [[(C, "US")], [(O, 'The "Grid" Inc.')], [(CN, "a; b <c>")]],
    "more than ASCII": [[(C, "CZ")], [(O, "Čeněk")], [(CN, "Zoë Ünal 張")]],
    "a name and a user in one part": [[(C, "TW")], [(CN, "Pilot"), (UID, "7")]],
    "three in one part": [[(C, "TW")], [(CN, "Pilot"), (UID, "7"), (OU, "a longer value")]],
    "a host": [[(DC, "ch")], [(DC, "cern")], [(OU, "computers")], [(CN, "host/lxplus.cern.ch")]],
    "signs": [[(C, "TW")], [(CN, "J (R) [1] {2}^$|*?.")]],
    "a plus": [[(C, "TW")], [(O, "C++ Users")], [(CN, "a+b=c")]],
    "a backslash": [[(C, "TW")], [(CN, "back\\slash")]],
    "blanks at the ends": [[(C, "TW")], [(O, " Test ")], [(CN, " x")]],
    "two blanks within": [[(C, "TW")], [(CN, "A  b")]],
    "a number sign": [[(C, "TW")], [(CN, "#1 pilot")]],
    "mail": [[(C, "TW")], [(CN, "x")], [(MAIL, "pilot@example.org")]],
    "a serial number": [[(C, "TW")], [(O, "Test")], [(Oid.SERIAL_NUMBER, "1234")]],
    "a user": [[(DC, "ch")], [(DC, "cern")], [(CN, "x")], [(UID, "jdoe")]],
    "a state and a place": [[(C, "DE")], [(ST, "Hamburg")], [(L, "Hamburg")], [(O, "DESY")], [(CN, "x")]],
    "a country in the middle": [[(O, "GRID-FR")], [(C, "FR")], [(O, "CNRS")], [(CN, "Robot: x")]],
    "a street and a code": [[(C, "US")], [(Oid.STREET_ADDRESS, "1 A St")], [(Oid.POSTAL_CODE, "9")], [(CN, "x")]],
    "two common names": [[(DC, "org")], [(CN, "Robot"), ], [(CN, "12345")]],
    "control characters": [[(C, "TW")], [(CN, "\x01tab\tx")]],
    "given names": [[(C, "TW")], [(Oid.GIVEN_NAME, "J")], [(Oid.SURNAME, "Doe")], [(CN, "J Doe")]],
    "an apostrophe and a colon": [[(C, "IE")], [(O, "O'Neill & Co: x")], [(CN, "x~y!z")]],
}  # fmt: skip
# Of these some ways are ambiguous; no way has a wrong form.
ODD: dict[str, Parts] = {
    "the person first": [[(CN, "x")], [(O, "Test")], [(C, "TW")]],
    "only people": [[(CN, "a")], [(CN, "b")]],
    "only organisations": [[(O, "a")], [(OU, "b")], [(O, "c")]],
    "one part": [[(CN, "x")]],
    "an unknown type": [[(C, "TW")], [(Kind("1.2.3.4"), "odd")], [(CN, "x")]],
    "an unknown type at the end": [[(C, "TW")], [(Kind("1.2.3.4"), "odd")]],
    "a title first": [[(Oid.TITLE, "Dr")], [(CN, "x")]],
    "a small uid": [[(C, "TW")], [(Kind("0.9.2342.19200300.100.1.44"), "x")]],
    "a slash that looks like a part": [[(C, "TW")], [(CN, "a/O=b")]],
    "a comma that looks like a part": [[(C, "TW")], [(CN, "a, O=b")]],
    "an empty value": [[(C, "TW")], [(O, "")], [(CN, "x")]],
    "a slash at the end": [[(C, "TW")], [(CN, "x/")]],
    "a comma at the ends": [[(O, "Foo,")], [(OU, "Bar,")], [(CN, "x")]],
}
# Which options of openssl print the name; the first is the form itself.
WAYS = {
    "compat": ["-nameopt", "compat"], "default": [], "one line": ["-nameopt", "oneline"],
    "RFC 2253": ["-nameopt", "RFC2253"], "RFC 2253 in UTF-8": ["-nameopt", "RFC2253,utf8,-esc_msb"],
    "as since 3.2": ["-nameopt", "sep_comma_plus_space,esc_2253,esc_ctrl,utf8,sname"],
}  # fmt: skip


def printed(parts: Parts) -> dict[str, str]:
    """Return the name as openssl and cryptography print it, in each way."""
    forms = {DC: IA5, MAIL: IA5}
    data = certificate(*([part(kind, value, *([forms[kind]] if kind in forms else [])) for kind, value in one]
                         for one in parts))  # fmt: skip
    shown = {}
    for way, options in WAYS.items():
        words = ["openssl", "x509", "-inform", "DER", "-noout", "-subject", *options]
        text = subprocess.run(words, input=data, capture_output=True, check=True).stdout.decode()
        shown[way] = text.removesuffix("\n").removeprefix("subject=")
    return {**shown, "RFC 4514": x509.load_der_x509_certificate(data).subject.rfc4514_string()}


@pytest.mark.conformance
@pytest.mark.parametrize("case", ORDINARY)
def test_an_ordinary_name_has_its_form_in_every_spelling(case: str) -> None:
    shown = printed(ORDINARY[case])
    form = shown["compat"]
    assert check_dn(form) == form
    for way, text in shown.items():
        assert right_form(text) == form, (way, text)
        if way != "RFC 4514":
            assert right_form(f"subject={text}") == form, (way, text)


@pytest.mark.conformance
@pytest.mark.parametrize("case", ODD)
def test_an_odd_name_has_its_form_or_none(case: str) -> None:
    shown = printed(ODD[case])
    form = shown.pop("compat")
    assert check_dn(form) == form
    for way, text in shown.items():
        typed = [text, f"subject={text}"] if way != "RFC 4514" else [text]
        for one in typed:
            found = right_form(one)
            assert found in (None, form) or (case == "the person first" and not one.startswith("subject=")), (way, one)


TW = "/C=TW/O=Test/CN=x"
SPELT: dict[str, tuple[str, str]] = {
    "blanks around the sign": ("/C = TW/O = Test/CN = x", TW),
    "a blank before it": ("/C =TW/O =Test/CN =x", TW),
    "blanks behind the slashes": ("/ C=TW/ O=Test/ CN=x", TW),
    "a slash at the end": ("/C=TW/O=Test/CN=x/", TW),
    "commas and slashes": ("/C=TW, /O=Test, /CN=x", TW),
    "commas and slashes without blanks": ("/C=TW,/O=Test,/CN=x", TW),
    "small keys": ("/c=TW/o=Test/cn=x", TW),
    "one small key": ("/C=TW/O=Test/cn=x", TW),
    "Email": ("/C=TW/CN=x/Email=a@b.c", "/C=TW/CN=x/emailAddress=a@b.c"),
    "E": ("E=a@b.c,CN=x,C=TW", "/C=TW/CN=x/emailAddress=a@b.c"),
    "EMAILADDRESS": ("/C=TW/CN=x/EMAILADDRESS=a@b.c", "/C=TW/CN=x/emailAddress=a@b.c"),
    "USERID": ("/C=TW/CN=x/USERID=y", "/C=TW/CN=x/UID=y"),
    "long names": ("/countryName=TW/organizationName=Test/commonName=x", TW),
    "numbers": ("/2.5.4.6=TW/OID.2.5.4.10=Test/2.5.4.3=x", TW),
    "an unknown number": ("/C=TW/OID.1.2.3.4=odd", "/C=TW/1.2.3.4=odd"),
    "an unknown number with commas": ("CN=x, OID.1.2.3.4=odd, C=TW", "/C=TW/1.2.3.4=odd/CN=x"),
    "RFC 2253": ("CN=x,O=Test,C=TW", TW),
    "RFC 1779": ("CN=x; O=Test; C=TW", TW),
    "LDAP with blanks": ("CN=x, O=Test, C=TW", TW),
    "LDAP with small keys": ("cn=x,o=Test,c=TW", TW),
    "openssl": ("C = TW, O = Test, CN = x", TW),
    "openssl since 3.2": ("C=TW, O=Test, CN=x", TW),
    "openssl with its first word": ("subject=C = TW, O = Test, CN = x", TW),
    "openssl with its first word and a blank": ("subject= /C=TW/O=Test/CN=x", TW),
    "the issuer's first word": ("issuer=C = TW, O = Test, CN = x", TW),
    "by hand, the general first": ("C=TW,O=Test,CN=x", TW),
    "no slash at the beginning": ("C=TW/O=Test/CN=x", TW),
    "a slash and commas": ("/C=TW, O=Test, CN=x", TW),
    "blanks in front": ("  /C=TW/O=Test/CN=x", TW),
    "quotes": ('"/C=TW/O=Test/CN=x"', TW),
    "curly quotes": ("“/C=TW/O=Test/CN=x”", TW),
    "bytes as RFC 2253 has them": ("/C=CZ/CN=\\C4\\8Cen\\C4\\9Bk", "/C=CZ/CN=\\xC4\\x8Cen\\xC4\\x9Bk"),
    "a quoted value": ('C = US, O = "University, San Diego"', "/C=US/O=University, San Diego"),
    "bytes of openssl": ("C = CZ, CN = \\C4\\8Cen\\C4\\9Bk", "/C=CZ/CN=\\xC4\\x8Cen\\xC4\\x9Bk"),
    "two in one part": ("C = TW, CN = Pilot + UID = 7", "/C=TW/CN=Pilot+UID=7"),
    "two in one part, from behind": ("UID=7+CN=Pilot,C=TW", "/C=TW/CN=Pilot+UID=7"),
    "two in one part, not from behind": ("CN=Pilot+UID=7,C=TW", "/C=TW/CN=Pilot+UID=7"),
    "a value in hexadecimal": ("CN=x,1.2.3.4=#0C036F6464,C=TW", "/C=TW/1.2.3.4=odd/CN=x"),
    "a slash in a value": ("CN=host/a.b,O=Test,C=TW", "/C=TW/O=Test/CN=host\\/a.b"),
}  # fmt: skip


@pytest.mark.parametrize("case", SPELT)
def test_a_spelling_is_refused_and_its_form_is_said_and_accepted(case: str) -> None:
    text, form = SPELT[case]
    with pytest.raises(MyproxyError) as caught:
        check_dn(text)
    assert caught.value.hint in (f'give it as "{form}"', f"give it as '{form}'")
    assert check_dn(form) == form


NO_FORM = {
    "a star": "*", "a name": "pilot", "a host": "pilot.example.org", "a place for a DN": "DN-OF-THE-PILOT",
    "a variable": "$SANDBOX_PILOT_DN", "a path": "/tmp/pilot.pem", "two ends of a kind": "O=a,O=b",
    "two people": "CN=a,CN=b", "no blanks, the general first": "O=Test,CN=x",
    "blanks, the person first": "CN=x, O=Test",
    "OpenSSL's blanks, the person first": "CN = x, O = Test, C = TW",
    "OpenSSL's word, the general first, no blanks": "subject=C=TW,O=Test,CN=x",
    "a comma without a backslash": "C=US, O=University of California, San Diego, CN=x",
    "S, a state or a surname": "CN=x,S=Hamburg,C=DE", "a small uid": "uid=jdoe,ou=People,dc=example",
    "slashes and commas": "C=TW/O=Test, CN=x", "an open quote": 'CN="x,C=TW', "a lone backslash": "CN=x,C=TW\\",
    "a word of its own": "FOO=x,C=TW", "no type": "=x,C=TW", "half a value": "CN=x,1.2.3.4=#0C,C=TW",
    "two in one part in no order": "C = TW, UID = 7 + CN = Pilot", "too long": "CN=" + "a," * 3000,
    "an account": "jdoe@myproxy.example.org", "nothing": "", "a slash": "/", "an order": "--retriever",
}  # fmt: skip


@pytest.mark.parametrize("case", NO_FORM)
def test_where_there_is_no_one_form_none_is_guessed(case: str) -> None:
    assert right_form(NO_FORM[case]) is None
    with pytest.raises(MyproxyError) as caught:
        check_dn(NO_FORM[case])
    assert "ask the site" in caught.value.hint
    assert "openssl x509 -noout -subject -nameopt compat -in" in caught.value.hint
    assert "give it as" not in caught.value.hint


@pytest.mark.conformance
def test_a_value_that_cannot_be_told_from_another_encoding_is_taken_for_utf_8() -> None:
    # A BMPString is printed alike: only the certificate can tell.
    data = certificate([part(CN, "ü", BMP)])
    words = ["openssl", "x509", "-inform", "DER", "-noout", "-subject", "-nameopt"]
    shown = [
        subprocess.run([*words, way], input=data, capture_output=True, check=True).stdout
        for way in ("compat", "RFC2253")
    ]
    assert shown == [b"subject=/CN=\\x00\\xFC\n", b"subject=CN=\\C3\\BC\n"]
    assert check_dn("/CN=\\x00\\xFC") == "/CN=\\x00\\xFC"
    assert right_form("CN=\\C3\\BC") == "/CN=\\xC3\\xBC"


@given(st.text(st.sampled_from('CNO=/,;+ \\"#4aTDxé*'), max_size=60))
def test_any_text_has_one_form_or_none_and_the_form_is_its_own(text: str) -> None:
    form = right_form(text)
    if form is not None and not form.endswith("/"):
        assert right_form(form) == form
        assert plain_form(form) == form


@pytest.mark.parametrize(
    "text", ["CN=" + " " * 4000 + '"', "/" * 4000, ", CN=" * 800, '"' * 4000, "\\" * 4000, "C =" * 1300]
)
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    right_form(text)
    assert time.process_time() - began < 0.2
