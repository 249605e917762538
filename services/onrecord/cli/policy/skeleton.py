"""`new`: the two files of a policy that refuses everything until a state fills them in."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from onrecord.audit.core.policy import read_policy
from onrecord.audit.core.shortcomings import UNFILLED
from onrecord.cli.policy.sources import AUTHORITY, POLICY
from onrecord.contracts.request_parsing import parse_jurisdiction

_TERM = timedelta(days=2 * 365)

_CEDAR = """\
// {state}: who may search this gallery by face, and for what.
//
// This file permits nothing. Two locks hold until the state opens them: authority.yaml says that
// the policy rests on no instrument, and such a policy may not permit; and the rule below forbids
// everything. Fill in authority.yaml, write the permits, then delete that rule.

@id("{id}-nothing-yet")
@summary("every search, until the state has written its policy")
forbid (principal, action, resource);

// A permit has this form and no other: one agency or one group; this action; this gallery; one
// `when` that joins with && what the request must say, each as a list of words, among them the
// purpose and the offence tier. There is no `or` and no `unless`: write a second permit.
//
// @id("{id}-serious-crimes")
// permit (
//   principal in AgencyGroup::"law_enforcement",
//   action == Action::"search",
//   resource == Gallery::"{state}"
// )
// when {{
//   context.purpose == "criminal_investigation" &&
//   ["violent_felony", "felony"].contains(context.offence_tier) &&
//   ["reasonable_suspicion", "probable_cause"].contains(context.suspicion) &&
//   ["court_order", "search_warrant"].contains(context.instrument)
// }};
//
// A forbid takes away from what is permitted; it may have any form, also `unless`.
//
// @id("{id}-no-federal-beneficiary")
// @citation("the section that says so")
// @summary("searches made on behalf of a federal agency")
// forbid (principal, action, resource)
// when {{ context.beneficiary_level == "federal" }};
"""

_YAML = """\
# {state}: what the policy rests on, and what it is bound to. Every field is needed, none other is
# taken. `onrecord policy check` says what is wrong and what is lacking.
format: onrecord-authority/1
jurisdiction: {state}
name: "{unfilled}"            # as people write it: Utah

# `required` until a lawyer of the state has reviewed both files; then who did, and when.
legal_review: required

# statute, agreement or none. A policy that rests on none cannot permit anything.
instrument:
  type: none
  citation: "{unfilled}"      # as lawyers cite it
  section: ""                 # the heading of the section, or nothing
  legislature_voted: false
  summary: "{unfilled}"       # in one sentence, for a citizen

# How drivers were told that their photograph may be compared. It stands in the public report.
notice_to_drivers: "{unfilled}"

# Instants with their zone. At `expires` the gallery refuses everything, until a new version is in
# force: choose a date by which somebody must look at it again.
effective: {effective}
expires: {expires}

# A law that forbids the search: {{citation: ..., summary: "what it forbids"}}, or null.
prohibition: null

# Every agency that may ask, or for which may be asked (beneficiary_agency), by the id that its
# tokens bear. level: federal, state, local, tribal. kind: police, prosecutor, licensing, court,
# immigration.
agencies: {{}}
#  us-xx-sp:
#    {{name: State Police, level: state, kind: police, jurisdiction: {state}}}

# Names for several agencies, to be used in policy.cedar.
groups: {{}}
#  law_enforcement: [us-xx-sp]

# Whom one may look for: suspect, victim, witness, missing, deceased, unidentified.
roles_sought: []

# The least suspicion by purpose: none, reasonable_suspicion, probable_cause.
suspicion_minimum: {{}}
#  criminal_investigation: reasonable_suspicion

# The instruments that a purpose needs: administrative_subpoena, grand_jury_subpoena, court_order,
# search_warrant, judicial_warrant_immigration.
instruments_required: {{}}
#  criminal_investigation: [court_order, search_warrant]

# Statutes and their tier: violent_felony, felony, misdemeanor, infraction. What stands here wins
# over what a request declares; for what does not, the request's word counts.
statutes: {{}}
#  "Code 76-6-302": violent_felony

# How many searches; days are UTC days.
quotas:
  per_person_per_day: 0
  per_agency_per_day: 0
  per_gallery_per_day: 0
  per_case: 0
  per_probe: 0

# The longest candidate list (2 to 50), the longest life of a grant (1 to 5 minutes).
limits: {{list_size: 2, grant_minutes: 1}}

# Days that what a search without a lead leaves behind is kept; years, with a lead.
retention: {{no_lead_days: 0, lead_years: 5}}

# Searching first and bringing the instrument later.
emergency: {{permitted: false}}

# Days for which a driver is not told of a live case.
embargo_days: 0
"""


@click.command()
@click.argument("jurisdiction")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def new(jurisdiction: str, folder: Path) -> None:
    """Write the skeleton of JURISDICTION's policy into DIR. It refuses everything until filled in.

    DIR is made where it is not there; a file that is there is never overwritten.
    """
    parse_jurisdiction(jurisdiction, "jurisdiction")
    files = skeleton(jurisdiction, datetime.now(UTC))
    for name in files:
        if (folder / name).exists():
            raise click.UsageError(f"{folder / name} exists; it is not overwritten")
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    click.echo(f"Wrote {folder / POLICY} and {folder / AUTHORITY}.")
    click.echo("They permit nothing. Fill them in, then: onrecord policy check " + str(folder))


def skeleton(jurisdiction: str, now: datetime) -> dict[str, bytes]:
    """The two files, in form: they can be signed and activated as they are, and refuse."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    cedar = _CEDAR.format(state=jurisdiction, id=jurisdiction.lower())
    yaml = _YAML.format(
        state=jurisdiction,
        unfilled=UNFILLED,
        effective=today.isoformat(),
        expires=(today + _TERM).isoformat(),
    )
    files = {POLICY: cedar.encode(), AUTHORITY: yaml.encode()}
    read_policy(files[POLICY], files[AUTHORITY], jurisdiction)
    return files
