"""Server of ``--useGOForOutput``, which gets every output of a task, and its log."""

from __future__ import annotations

from dataclasses import dataclass

from goclient.errors import RequestError
from goclient.errors.wording import quote
from goclient.model.endpoint import GLOBUS_SCHEME, SCHEMES, Endpoint
from goclient.model.location import Location
from goclient.model.syntax.parse import parse_destination, parse_endpoint
from goclient.model.syntax.shell import shell_word

HOME = "/~/"


@dataclass(frozen=True, slots=True)
class OutputServer:
    """Hold what ``--useGOForOutput`` names: an endpoint, and a directory; None is the endpoint's default one."""

    endpoint: Endpoint
    directory: str | None = None

    @classmethod
    def read(cls, text: str) -> OutputServer:
        """Return the server that ``ENDPOINT[:/DIR/]`` names; raise RequestError with the reason."""
        first, comma, rest = text.partition(",")
        if comma and ":/" in rest:
            message = f"--useGOForOutput={quote(text)} is a list, and all outputs go to one location"
            hint = shell_word(f"--useGOForOutput={first}")
            raise RequestError(message, hint=hint, code="location", subject="--useGOForOutput")
        scheme = text.startswith((GLOBUS_SCHEME, *SCHEMES))
        alone = text.count("/") == 2 if scheme else not {"/", ":"} & set(text.removesuffix(":"))
        try:
            if alone:
                endpoint = parse_endpoint(text.removesuffix(":"))
                if not endpoint.has_home:
                    message = f"{quote(text)} names no directory, and {endpoint.title} has no home directories"
                    raise RequestError(
                        message, hint=f"write --useGOForOutput={endpoint.write('/DIR/')}", code="location"
                    )
                return cls(endpoint)
            location = parse_destination(text)
        except RequestError as error:
            message = f"--useGOForOutput={error.message}"
            raise error.replace(message=message, subject="--useGOForOutput") from None
        return cls(location.endpoint, location.path)

    def top(self) -> Location:
        """Return the directory that was typed, or the default one."""
        return Location(self.endpoint, f"{(self.directory or HOME).rstrip('/')}/")

    def directory_of(self, nickname: str, dataset: str) -> Location:
        """Return the directory for all that a task writes: below the server's own, the user's and the dataset's."""
        path = f"{(self.directory or HOME).rstrip('/')}/{nickname}/{dataset.rstrip('/')}/"
        try:
            return Location(self.endpoint, path)
        except ValueError as error:
            message = f"--useGOForOutput: the files would go to {quote(f'{self.endpoint}:{path}')}: {error}"
            raise RequestError(message, hint="choose another --outDS", code="location") from error
