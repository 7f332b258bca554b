"""The tests mirror the modules: each has a file of its name in the directory that has its room's name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parent
SOURCES = TESTS.parent / "goclient"

# Modules of a room that have no file of their name, and the file that tests them.  They are parts of what that file is
# called after, or seen through it alone: in the answers of a server, in the lines of a command.
BESIDE = (
    (".", "endpoints", "cli/commands/test_endpoint.py"),
    (".", "deposit", "preflight/test_myproxy.py"),
    (".", "assembly following lookups", "test_client.py"),
    (".", "dispatch", "test_submission.py"),
    ("campaigns", "batch jobs transfers", "campaigns/test_advance.py"),
    ("campaigns", "campaigns progress twins unfinished", "campaigns/test_site.py"),
    ("campaigns", "standings", "campaigns/test_mended.py"),
    ("carrier", "order site start", "carrier/test_program.py"),
    ("cli", "confirm passphrase", "cli/commands/test_myproxy.py"),
    ("cli", "sent_text status_text watching", "cli/commands/test_status.py"),
    ("cli", "shells", "cli/test_complete.py"),
    ("cli", "general", "cli/test_log_file.py"),
    ("cli", "main tasks", "cli/test_start.py"),
    ("cli", "endpoint_text myproxy_text", "cli/test_tables.py"),
    ("cli", "output", "reporter/test_reporters.py"),
    ("cli", "parser", "test_manpages.py"),
    ("cli/commands", "logout whoami", "cli/commands/test_login.py"),
    ("cli/commands", "sandbox", "sandbox/test_daemon.py"),
    ("cli/commands", "advance carrier completion help probe version", "cli/test_examples.py"),
    ("cli/commands", "pilot", "pilot/test_pilot.py"),
    ("errors", "myproxy", "errors/test_conditions.py"),
    ("jobs", "open", "cli/commands/test_journal.py"),
    ("jobs", "grants opened outstanding", "jobs/test_credentials.py"),
    ("jobs", "page_rows page_sections", "jobs/test_page.py"),
    ("jobs", "results", "mending/test_delivered.py"),
    ("mending", "kill", "cli/commands/test_kill.py"),
    ("mending", "client commands preparation", "cli/commands/test_retry.py"),
    ("mending", "adoption", "mending/test_retries.py"),
    ("model", "probe_options retry_options select task_options", "model/test_options.py"),
    ("model", "other_words", "cli/test_complete.py"),
    ("node", "destination", "node/test_delivery.py"),
    ("node", "keeper_program", "node/test_keeper.py"),
    ("node/engines", "background base globus store", "node/engines/test_engines.py"),
    ("node/engines", "gridftp_end gridftp_pair", "node/engines/test_gridftp.py"),
    ("node/engines", "collection_end far_end https streaming webdav_end", "node/engines/test_limits.py"),
    ("node/engines", "globus_task", "node/test_transfers.py"),
    ("pilot", "deposit identity settings", "pilot/test_proxy.py"),
    ("pilot", "clean_up taken", "pilot/test_recovery.py"),
    ("pilot", "transformation", "preflight/test_payload.py"),
    ("preflight", "endpoints locations permissions probe", "cli/commands/test_check.py"),
    ("preflight", "new_directories", "preflight/test_servers.py"),
    ("preflight", "validation", "cli/commands/test_sendjob_bad_input.py"),
    ("preflight", "carried service", "cli/commands/test_sendjob_carried.py"),
    ("preflight", "tokens user_secrets", "cli/commands/test_sendjob_token.py"),
    ("preflight", "base connect", "preflight/test_checks.py"),
    ("preflight", "storage", "preflight/test_servers.py"),
    ("preflight", "nodes", "test_probes.py"),
    ("reporter", "base recording", "reporter/test_reporters.py"),
    ("sandbox", "directory exports lock", "sandbox/test_daemon.py"),
    ("sandbox", "control http outage recorder seed settings state", "sandbox/test_server.py"),
    ("sandbox", "demo", "test_example.py"),
    ("sandbox/globus", "access", "cli/commands/test_sendjob_grant.py"),
    ("sandbox/globus", "consents identities oidc scopes", "sandbox/globus/test_auth.py"),
    ("sandbox/globus", "endpoint_document endpoints task_document", "sandbox/globus/test_documents.py"),
    ("sandbox/globus", "items mover paths", "sandbox/globus/test_storage.py"),
    ("sandbox/globus", "connect", "test_leftovers.py"),
    (
        "sandbox/myproxy",
        "commands connection deposits policy request server",
        "conformance/myproxy_double/test_answers.py",
    ),
    ("sandbox/myproxy", "authority delegation grid names", "conformance/myproxy_double/test_authority.py"),
    ("sandbox/panda", "builds jedi", "conformance/test_panda_jobs.py"),
    ("sandbox/panda", "api jobs pilots reports watch", "sandbox/panda/test_attempts.py"),
    ("sandbox/panda", "buildgen", "sandbox/panda/test_rungen.py"),
    ("sandbox/panda", "cache outputs task_commands", "sandbox/panda/test_tasks.py"),
    ("sandbox/site", "defects dispatcher log node", "sandbox/site/test_site.py"),
    ("services", "server_files", "node/engines/test_conformance.py"),
    ("services", "trust", "preflight/test_queue.py"),
    ("services/globus", "access app consents login_flow", "services/globus/test_login.py"),
    ("services/globus", "json_service", "services/globus/test_rest.py"),
    ("services/globus", "sdk", "services/globus/test_rest_and_sdk.py"),
    ("services/gridftp", "channel", "services/gridftp/test_session.py"),
    ("services/gridftp", "key", "services/gridftp/test_copies.py"),
    ("services/gsi", "server", "services/gsi/test_server_name.py"),
    ("services/gsi", "dial tls", "services/myproxy/test_client.py"),
    ("services/https", "connection streams", "services/https/test_client.py"),
    ("services/https", "web", "services/https/test_proxies.py"),
    ("services/https", "grid moves propfind", "services/https/test_webdav.py"),
    ("services/myproxy", "connection", "services/myproxy/test_client.py"),
    ("services/panda", "access token", "config/test_environment.py"),
    ("services/panda", "queues", "preflight/test_queue.py"),
    ("services/panda", "calls", "services/panda/test_client.py"),
    ("tasks", "carriage", "tasks/test_carried.py"),
    ("tasks", "credential", "tasks/test_panda_client.py"),
    ("tasks", "inputs notes", "tasks/test_session.py"),
    ("tasks", "preflight task_transfers", "tasks/test_transfers.py"),
)


def test_each_module_has_tests_of_its_name_or_is_listed_with_those_that_test_it() -> None:
    found = {(path.relative_to(SOURCES).parent.as_posix(), path.stem) for path in SOURCES.rglob("[!_]*.py")}
    own = {(room, module) for room, module in found if module in _tested(TESTS / room)}
    listed = Counter((room, module) for room, modules, _ in BESIDE for module in modules.split())
    assert found - own - set(listed) == set(), "no file of their name has tests of these"
    assert set(listed) & own == set(), "these have a file of their name by now"
    assert set(listed) - found == set(), "these are gone"
    assert [one for one, times in listed.items() if times > 1] == []
    assert [file for _, _, file in BESIDE if not (TESTS / file).exists()] == []


def _tested(directory: Path) -> set[str]:
    """Return the names of modules of which files of a directory are called: ``test_webdav_redirects`` is of webdav."""
    modules = {path.stem for path in (SOURCES / directory.relative_to(TESTS)).glob("[!_]*.py")}
    files = {path.stem.removeprefix("test_") for path in directory.glob("test_*.py")}
    named = ([one for one in modules if f"{file}_".startswith(f"{one}_")] for file in files)
    return {max(ones, key=len) for ones in named if ones}
