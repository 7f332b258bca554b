"""Settings: what a user and a site want unless a command line, or the environment, says something else.

``$GOCLIENT_SETTINGS``, else ``settings.toml`` beside the user's catalogue, and the site's file.  The command line wins
over the environment, the environment over the user's file, the user's file over the site's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field
from pathlib import PurePosixPath
from typing import Any, NamedTuple, cast

from goclient.config.environment import own, user_catalogue
from goclient.config.file import ConfigFile
from goclient.errors import Collector, raise_all
from goclient.errors.wording import quote
from goclient.model.option import setting_fields
from goclient.model.options import SubmitOptions
from goclient.secrets import register_misplaced

Value = str | int | bool | None
VARIABLE = "GOCLIENT_SETTINGS"
SITE_FILE = "/etc/goclient/settings.toml"

PORT = "myproxy.port"

# The transformation that starts a carrier: a file of PanDA's that runs a command, which sites let in. JEDI's own choice
# for tasks (server 1.0.4, GenTaskRefiner.py).
RUNGEN, DEFAULT_RUNGEN = "carrier.runGen", "https://pandaserver-doma.cern.ch/trf/user/runGen-00-00-02"

# How many hours jobs wait in a queue: PanDA does not tell, and tokens that travel with them end after 48.
WAIT, DEFAULT_WAIT = "carrier.wait", 12

CLIENT_ID = "globus.client_id"
# The settings that a variable of the environment has, too; of these the port is a number.
VARIABLES = {
    CLIENT_ID: "GOCLIENT_CLIENT_ID",
    "myproxy.server": "MYPROXY_SERVER",
    PORT: "MYPROXY_SERVER_PORT",
    "myproxy.server_dn": "MYPROXY_SERVER_DN",
}

# The settings that there may be for each of several queues or collections; a user finds here how they are called.
NAMED = ("https.UUID", "site.QUEUE.collection", "site.QUEUE.directory", "site.QUEUE.node")


class Setting(NamedTuple):
    """One setting: its value, and where it comes from: a file, a variable, or ``default``; None if it is not set."""

    name: str
    value: Value
    source: str

    def document(self) -> dict[str, Any]:
        """Return the JSON object of it."""
        return {"name": self.name, "value": self.value, "source": self.source}


class SiteDirectory(NamedTuple):
    """Place in which a site's nodes see a directory that a collection sees, too; each None if it is not set."""

    collection: str | None = None  # the id of a server's
    directory: PurePosixPath | None = None  # the path there
    node: PurePosixPath | None = None  # the path on the nodes
    seen: float = 0.0  # when a probe has found it, in seconds since 1970; 0 if it is set

    @property
    def is_set(self) -> bool:
        """Return True if anything is set."""
        return self != SiteDirectory()


class Settings(NamedTuple):
    """All settings that are set, by their names, such as ``job.computingSite`` or ``site.QUEUE.node``."""

    found: Mapping[str, Setting] = field(default_factory=dict)

    def get(self, name: str) -> Any:  # a text, a number or a flag, as the file's model has made sure
        """Return the value of a setting; None if it is not set."""
        return self.found[name].value if name in self.found else None

    @property
    def job(self) -> dict[str, Any]:
        """Return the defaults for the options of a job, by their names without dashes."""
        return {name[4:]: one.value for name, one in self.found.items() if name.startswith("job.")}

    def site(self, queue: str) -> SiteDirectory:
        """Return what is set for the nodes of a queue."""
        directory, node = (self.get(f"site.{queue}.{key}") for key in ("directory", "node"))
        return SiteDirectory(
            collection=self.get(f"site.{queue}.collection"),
            directory=None if directory is None else PurePosixPath(directory),
            node=None if node is None else PurePosixPath(node),
        )

    @property
    def run_gen(self) -> str:
        """Return the URL of the transformation that starts a carrier."""
        return str(self.get(RUNGEN) or DEFAULT_RUNGEN)

    @property
    def wait(self) -> int:
        """Return the hours for which jobs are expected to wait in their queue."""
        found = self.get(WAIT)
        return DEFAULT_WAIT if found is None else int(found)

    @property
    def https_servers(self) -> dict[str, str]:
        """Return the URLs of HTTPS servers by the ids of their collections: what is set here, Globus is not asked."""
        return {name[6:]: str(one.value) for name, one in self.found.items() if name.startswith("https.")}

    def environment(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """Return the environment, with what is set here for variables that are not set there."""
        given = {variable: str(self.get(name)) for name, variable in VARIABLES.items() if name in self.found}
        return {**environ, **{name: value for name, value in given.items() if not environ.get(name)}}

    def list_settings(self, environ: Mapping[str, str]) -> list[Setting]:
        """Return every setting that there can be, as it counts now, with where that comes from."""
        options = setting_fields(SubmitOptions)
        listed = [
            Setting(f"job.{one.name}", None if one.default == "" else cast(Value, one.default), "default")
            for one in options
        ]
        listed += [Setting(name, None, "not set") for name in ("pilot.dn", "pilot.identity", *VARIABLES)]
        listed += [Setting(RUNGEN, DEFAULT_RUNGEN, "default"), Setting(WAIT, DEFAULT_WAIT, "default")]
        tables = {name.partition(".")[0] for name in self.found}
        listed += [Setting(name, None, "not set") for name in NAMED if name.partition(".")[0] not in tables]
        named = {one.name: one for one in listed} | dict(sorted(self.found.items()))
        for name, variable in VARIABLES.items():
            if text := environ.get(variable):
                if name == CLIENT_ID:
                    register_misplaced(text)
                named[name] = Setting(name, int(text) if name == PORT and text.isdecimal() else text, variable)
        return list(named.values())


def user_file(environ: Mapping[str, str]) -> str:
    """Return the path of the user's settings: what the variable names, else the one beside the user's catalogue."""
    return own(environ, VARIABLE) or os.path.join(os.path.dirname(user_catalogue(environ)), "settings.toml")


def missing_file(environ: Mapping[str, str] = os.environ) -> tuple[str, str] | None:
    """Return a warning, and its hint, if GOCLIENT_SETTINGS names a file that does not exist; None if all is well."""
    path = own(environ, VARIABLE)
    if not path or os.path.exists(path):
        return None
    message = f"{VARIABLE}={quote(path)} names a file that does not exist: it sets nothing"
    return message, f"type: unset {VARIABLE}, or make the file"


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of the user and the site; raises RequestError with everything that is wrong in the files."""
    collected = Collector()
    found: dict[str, Setting] = {}
    for path in (SITE_FILE, user_file(environ)):
        file = ConfigFile(path, "settings file", VARIABLE, "settings")
        text, errors = file.read()
        if text:
            from goclient.config.settings_file import read_values  # pydantic is loaded only where there is a file

            values, more = read_values(file, text)
            found |= {name: Setting(name, value, path) for name, value in values.items()}
            errors += more
        collected.errors += errors
    raise_all(collected.errors)
    return Settings(found)
