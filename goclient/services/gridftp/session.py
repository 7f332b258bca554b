"""A session with a GridFTP server: its control channel, over which the user has logged in.

The server proves its name first (services/gsi); every command and reply after that goes through TLS 1.2, inside the
lines of FTP (RFC 2228).  The server gets no credential of the user: nothing is delegated.
"""

from __future__ import annotations

import binascii
import re
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from goclient.errors import EndpointError
from goclient.errors.myproxy import IdentityError
from goclient.errors.wording import cite, quote
from goclient.model.endpoint import GridftpEndpoint
from goclient.services.deadline import Deadline
from goclient.services.gridftp.channel import Channel
from goclient.services.gridftp.replies import Reply, login_refusal
from goclient.services.gsi.certificate import time_text
from goclient.services.gsi.dial import dial, name_errors
from goclient.services.gsi.identity import Identity
from goclient.services.gsi.refusals import NoList
from goclient.services.gsi.server import GRIDFTP, Server
from goclient.services.gsi.tls import Credential, Trust

# Commands without a reply: Globus' server 13.24 takes 200 (500 Pipeline queue full), and then stops reading.
_AHEAD = 50
_NO_DELEGATION = b"0"
_GREETING, _MORE, _AUTHENTICATED, _NEEDS_PASSWORD, _LOGGED_IN = 220, 335, 235, 331, 230
_ACCOUNT = re.compile(r"User (\S+) logged in")
End = Callable[[], Deadline]  # gives each wait its end


class Session(Channel):
    """Log in over a control channel, and send the commands of a user."""

    def commands(self, commands: Sequence[str], end: End) -> list[Reply]:
        """Send commands without waiting for the replies; return those, each of which ``end`` gives its time.

        What a preliminary reply holds is in the reply.
        """
        if self._replies or self.is_asked_ahead:  # a name with a line break can end a reply before its end
            self.close()
            raise self._garbage("a reply to no command", f"before {commands[0].split(' ')[0]}")
        sent, answers = 0, []
        for number, command in enumerate(commands):
            if sent <= number + _AHEAD // 2:  # one by one, each would be a packet of its own
                self.send(*commands[sent : number + _AHEAD])
                sent = number + _AHEAD
            step = f"before the reply to {command.split(' ')[0]}"
            content: list[bytes] = []
            deadline, size = end(), 0
            while (reply := self.reply(deadline, step=step)).is_preliminary:
                content += reply.content
                size += sum(len(line) + 2 for line in reply.content)
                self._check_size(size, step)
            answers.append(Reply(reply.code, (reply.lines[0], *content, *reply.lines[1:])))
        self.has_waited = True
        return answers

    # --- login --------------------------------------------------------------------------------------------------

    def log_in(self, credential: Credential, trust: Trust, *, check_lists: bool, deadline: Deadline) -> None:
        """Log in; raise NoList if TLS cannot compare with the lists of what was revoked, because a CA has none."""
        dn = credential.identity.base
        # A server of TLS, such as that of davs://, waits for the client.
        greeting = self.reply(deadline, step="before its greeting: a WebDAV server, davs://, would wait so")
        if greeting.code != _GREETING:
            raise self._unwelcome(greeting, dn)
        self._unsent += b"AUTH GSSAPI\r\n"
        offer = self.reply(deadline, step="before it began to authenticate")
        if offer.code not in (334, _MORE):
            raise self._garbage(f"{cite(offer.text, 100)}", "when it was asked to take a grid certificate")
        context = trust.context(credential, check_lists=check_lists, highest=ssl.TLSVersion.TLSv1_2)
        tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=self.server.host)
        self._handshake(tls, dn, deadline)
        trust.check_server(self.server, tls, check_lists=not check_lists)
        tls.write(_NO_DELEGATION)
        self._queue(b"ADAT", self._outgoing.read())
        accepted = self.reply(deadline, step="before it accepted the certificate")
        if accepted.code != _AUTHENTICATED:
            raise self._unwelcome(accepted, dn)
        if self._replies:  # somebody on the way has written more, to be taken for what came through TLS
            raise self._garbage("more than one reply", "before it accepted the certificate")
        self._tls, self.dn = tls, dn
        (answer,) = self.commands(["USER :globus-mapping:"], lambda: deadline)
        if answer.code == _NEEDS_PASSWORD:
            (answer,) = self.commands(["PASS dummy"], lambda: deadline)
        if answer.code != _LOGGED_IN:
            raise self._unwelcome(answer, dn)
        found = _ACCOUNT.search(answer.text)
        self.account = found[1] if found else ""

    def _handshake(self, tls: ssl.SSLObject, dn: str, deadline: Deadline) -> None:
        """Carry out the handshake of TLS, in commands and replies."""
        step, done = "in the TLS handshake", False
        while True:
            with name_errors(self.server, deadline, step=step), suppress(ssl.SSLWantReadError):
                if not done:
                    tls.do_handshake()
                    done = True
            if done and not self._outgoing.pending:
                return
            self._queue(b"ADAT", self._outgoing.read())
            reply = self.reply(deadline, step=step)
            if reply.code != _MORE:
                raise self._unwelcome(reply, dn)
            # Some servers break their words into several lines.
            text = b"".join(re.sub(rb"^335[ -](ADAT=)?", b"", line).split(b" ")[0] for line in reply.lines)
            with self._name_errors(deadline, step):
                self._incoming.write(binascii.a2b_base64(text))

    def _unwelcome(self, reply: Reply, dn: str) -> EndpointError:
        return login_refusal(reply, server=self.server.named, subject=str(self.endpoint), dn=dn)


def open_session(
    endpoint: GridftpEndpoint, credential: Credential, trust: Trust, *, deadline: Deadline, check_lists: bool = True
) -> Session:
    """Return a session with a server that is itself, and has let us in; raise GoclientError.

    A CA may have no list of what it revoked, which TLS takes for an error: only then there is a second connection, and
    the lists that are there are read here.
    """
    check_time_left(credential.identity)
    session = Session(endpoint, dial(Server(endpoint.host, endpoint.port, GRIDFTP), deadline))
    try:
        session.log_in(credential, trust, check_lists=check_lists, deadline=deadline)
    except BaseException as error:
        session.close()
        if not (check_lists and isinstance(error, NoList)):
            raise
        return open_session(endpoint, credential, trust, deadline=deadline, check_lists=False)
    return session


def check_time_left(identity: Identity) -> None:
    """Raise IdentityError for a certificate or a proxy that has expired since it was read."""
    if identity.end <= time.time():
        what, hint = "certificate", "get a new one from your CA"
        if identity.is_proxy:
            what, hint = "proxy", "make a new one: grid-proxy-init -rfc"
        message = f"the {what} {quote(identity.certificate)} expired on {time_text(identity.end)}"
        raise IdentityError(message, hint=hint, code="identity-expired", subject=identity.certificate)
