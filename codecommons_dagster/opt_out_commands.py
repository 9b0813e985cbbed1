# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""``codecommons opt-out``: what authors want left out, from the request to the receipt."""

from __future__ import annotations

import dataclasses
import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codecommons.errors import UsageError
from codecommons_dagster import lines
from codecommons_dagster.terminal import example, finish, json_option, open_lake, say, to_json, watched

if TYPE_CHECKING:
    from codecommons.lake import Lake
    from codecommons.optout.standing import Standing

# Each is looked for in all trees.
_MOST_LOOKED_FOR = 20


@click.group("opt-out", epilog=example("codecommons opt-out submit request.yaml\ncodecommons opt-out list"))
def opt_out() -> None:
    """Leave code out of every dataset from now on, at the wish of its authors, and prove that it is gone."""


@opt_out.command(epilog=example("codecommons opt-out submit request.yaml\ncodecommons opt-out submit issue.md --account octocat"))
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--account", help="The forge account that the request came from, as you have seen it: NAME or HOST/NAME.")
@json_option
def submit(file: Path | None, account: str | None, as_json: bool) -> None:
    """Take in requests from a YAML or JSON file, or from the text of an issue that was made with BigCode's form.

    All of a file is taken, or nothing of it. Without a FILE, what lies in the home's opt-out/inbox is: each file once; what
    can't be understood goes to opt-out/refused, with the reason beside it. The daemon does that by itself.
    """
    from codecommons.lake import Lake
    from codecommons.optout import desk, inbox
    from codecommons.settings import Settings

    received = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    lake = watched(Lake.open(Settings.from_environment()))
    if file is not None:
        found = desk.submit(lake, desk.read_requests(file.read_bytes(), file.name, account), received)
        _tell_standing(lake, found, as_json)
        _tell_idle(lake, found)
        return
    if account:
        raise click.UsageError("--account goes with a FILE; in the inbox, put the file into HOST/ACCOUNT")
    taken = list(inbox.take_in(lake, received))
    found = [one for each in taken for one in each.standings]
    _tell_standing(lake, found, as_json)
    _tell_idle(lake, found)
    if refused := [one.digest for one in taken if one.refused]:
        raise UsageError(
            f"{len(refused)} files can't be understood: {lake.settings.opt_out / 'refused' / refused[0]}.reason.txt says why"
        )


@opt_out.command(
    "verify",
    epilog=example('codecommons opt-out verify 0a1b2c\ncodecommons opt-out verify 0a1b2c --saw "mail of 3 May, by A. N."'),
)
@click.argument("request")
@click.option("--saw", help="What a person saw that shows it, instead of looking for the challenge in the archive.")
@click.option("--refuse", "refused", metavar="WHY", help="Refuse the request instead.")
@json_option
def verify_request(request: str, saw: str | None, refused: str | None, as_json: bool) -> None:
    """Verify a request by its identifier in the file .codecommons-opt-out of the archived code, or by what a person saw."""
    from codecommons.archive.views import visited_trees
    from codecommons.optout import desk

    if saw and refused:
        raise click.UsageError("either --saw or --refuse")
    lake = open_lake()
    found = desk.refuse(lake, request, refused) if refused else desk.verify(lake, request, visited_trees(lake), saw)
    _tell_standing(lake, [found], as_json)


@opt_out.command("list", epilog=example("codecommons opt-out list\ncodecommons opt-out list 0a1b2c --json"))
@click.argument("request", required=False)
@json_option
def list_requests(request: str | None, as_json: bool) -> None:
    """List requests, where they stand and which releases apply them; of one REQUEST, also copies elsewhere, for review."""
    from codecommons.archive.views import visited_trees
    from codecommons.datasets import list_releases
    from codecommons.optout import desk, ledger, reach
    from codecommons.optout.standing import one_of

    lake = open_lake()
    book = ledger.read(lake)
    shown = [one_of(book.standings, request)] if request else list(book.standings.values())
    releases = {f"{one.name}/{one.fingerprint[:12]}": one.document["inputs"].get("opt_out") for one in list_releases(lake)}
    applied = desk.applied(book, releases)
    copies = list(reach.review(lake, shown[0], visited_trees(lake))) if request else []
    if as_json:
        rows = [{**dataclasses.asdict(one), "applied": applied[one.id]} for one in shown]
        found = {"review": [dataclasses.asdict(one) for one in copies]} if request else {}
        say(to_json({"head": book.head, "entries": len(book.entries), "requests": rows, **found}))
        return
    for one in shown:
        say(lines.of_standing(one, applied[one.id]))
    for copy in copies:
        say(lines.of_copy(copy))
    say(f"{len(book.standings)} requests in {len(book.entries)} entries; head {book.head[:12]}")


@opt_out.command(epilog=example('codecommons opt-out withdraw 0a1b2c --why "by mail of 3 May"'))
@click.argument("request")
@click.option("--why", default="withdrawn by the claimant", show_default=True)
@json_option
def withdraw(request: str, why: str, as_json: bool) -> None:
    """Take a request back: what it left out comes back with the next release."""
    from codecommons.optout import desk

    lake = open_lake()
    _tell_standing(lake, [desk.withdraw(lake, request, why)], as_json)


@opt_out.command(
    epilog=example(
        'codecommons opt-out takedown swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2 --reason secret --why "mail of 3 May"\n'
        'codecommons opt-out takedown --request 0a1b2c --reason personal-data --why "decision of 4 May" --dry-run\n'
        "codecommons opt-out takedown --others-stopped"
    )
)
@click.argument("swhids", nargs=-1, metavar="[SWHID]...")
@click.option("--request", help="Instead of SWHIDs: all that a request of the ledger is about and that is nowhere else.")
@click.option("--reason", help="personal-data, secret or illegal.")
@click.option("--why", help="A line for the ledger, where it stands for ever: not a word of what is erased.")
@click.option("--others-stopped", is_flag=True, help="Your word that nothing else works on the lake: what was staged is removed.")
@click.option("--dry-run", is_flag=True, help="Say which contents it is about, and change nothing.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@json_option
def takedown(
    swhids: tuple[str, ...],
    request: str | None,
    reason: str | None,
    why: str | None,
    others_stopped: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase contents for ever: bytes, annotations, old versions of tables, published shards, caches; as a Dagster run.

    They are refused from then on.

    For operators, and for personal data, secrets and illegal content; what authors merely want left out is an opt-out. A
    directory stands for what is nowhere but below it. Without arguments, what was begun and not finished is. Say nothing that
    gives it away: the ledger is kept.
    """
    from codecommons.archive.views import visited_trees
    from codecommons.optout import ledger
    from codecommons.optout.standing import one_of
    from codecommons.optout.takedown import covered, operation

    lake = open_lake()
    begun = operation.unfinished(lake)
    if swhids or request:
        if bool(swhids) == bool(request) or not reason or not why:
            raise click.UsageError("give either SWHIDs or --request, and with them --reason and --why")
        operation.reasons(reason, why)  # before anybody is asked whether they mean it
        if request:
            asked = one_of(ledger.read(lake).standings, request)
            found = covered.by_request(lake, asked, visited_trees(lake))
        else:
            found = covered.by_name(lake, swhids)
        say("\n".join(lines.of_covered(found, covered.alike(lake, found.swhids))), err=True)
        if dry_run:
            return
        if not yes and not click.confirm("Erase them? Nothing brings them back", err=True):
            raise click.Abort
        operation.require_quiet(lake, others_stopped)
        received = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        one = operation.begin(lake, found.swhids, reason, why, received, asked.id if request else None)
        begun = [*(other for other in begun if other.id != one.id), one]
    if not begun:
        say("[]" if as_json else "nothing was begun that isn't finished")
        return
    operation.require_quiet(lake, others_stopped)
    from codecommons_dagster.instance import run_upkeep

    config = {"ids": [one.id for one in begun], "others_stopped": others_stopped}
    finished, done = run_upkeep(lake.settings, "takedown", {"ops": {"take_down": {"config": config}}})
    if finished:
        say(to_json(done) if as_json else "\n".join(lines.of_takedowns(done)))
    finish(finished)


@opt_out.command(epilog=example("codecommons opt-out prove 0a1b2c -o receipt.json"))
@click.argument("request")
@click.option("-o", "--output", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write to a file instead.")
def prove(request: str, output: Path | None) -> None:
    """Make a signed receipt: the request, the releases made since, and proofs that what it is about is not in them.

    Publish CODECOMMONS_HOME/keys/receipts.pub.pem: receipts are checked with it. CODECOMMONS_SIGNING_KEY names a key of your own.
    """
    from codecommons.archive.views import visited_trees
    from codecommons.datasets.releases import published
    from codecommons.optout import receipts

    lake = open_lake()
    receipt = receipts.prove(lake, request, visited_trees(lake), published(lake))
    if output:
        output.write_bytes(receipt)
    else:
        sys.stdout.buffer.write(receipt)


@opt_out.command(epilog=example("codecommons opt-out check receipt.json --key receipts.pub.pem"))
@click.argument("receipt", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The published key, PEM."
)
@json_option
def check(receipt: Path, key: Path, as_json: bool) -> None:
    """Check a receipt against the published key; no lake is needed. Exit code 1 when it doesn't hold."""
    from codecommons.optout.check import check as checked

    found = checked(receipt.read_bytes(), key.read_bytes())
    say(to_json({**dataclasses.asdict(found), "passed": not found.problems}) if as_json else "\n".join(lines.of_receipt(found)))
    if found.problems:
        raise click.exceptions.Exit(1)


def _tell_idle(lake: Lake, found: list[Standing]) -> None:
    """Say which requests fit no file that is here: perhaps only discussions do, perhaps it is spelt otherwise."""
    from codecommons.archive.views import visited_trees
    from codecommons.optout.reach import contents_of, discussed

    trees = visited_trees(lake)
    for one in found[:_MOST_LOOKED_FOR]:
        if contents_of(lake, one, trees).height:
            continue
        talked_of = discussed(lake, [dataclasses.replace(one, state="verified")])["origin"].to_list()
        if talked_of:
            more = f" and {len(talked_of) - 1} more" if talked_of[1:] else ""
            say(f"{one.id}: no file that the lake has now fits, but discussions of {talked_of[0]}{more} do", err=True)
        else:
            say(f"{one.id}: nothing that the lake has now fits {one.request.values[0]!r}: look at its spelling", err=True)


def _tell_standing(lake: Lake, found: list[Standing], as_json: bool) -> None:
    """Tell where requests stand now; a run records it for the UI and says which releases hold what is out by now."""
    from codecommons_dagster.instance import run_job

    say(to_json([dataclasses.asdict(one) for one in found]) if as_json else "\n".join(lines.of_standing(one) for one in found))
    finished = run_job(lake.settings, "opt_outs")
    for warning in finished.warnings:
        say(warning, err=True)
    finish(finished)
