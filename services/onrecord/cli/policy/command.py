"""The group, and its commands."""

import click

from onrecord.cli.policy.activating import activate
from onrecord.cli.policy.changing import diff
from onrecord.cli.policy.checking import check
from onrecord.cli.policy.explaining import explain
from onrecord.cli.policy.signing import new_key, sign
from onrecord.cli.policy.simulating import simulate
from onrecord.cli.policy.skeleton import new
from onrecord.cli.policy.who import who


@click.group()
def policy() -> None:
    """A state's authority: policy.cedar and authority.yaml, signed with the state's own key.

    POLICY is a folder with both files or a signed bundle. Where a command has --exit-code, it
    exits with 3 when the answer is the one that a script waits for.
    """


for command in (new, check, new_key, sign, activate, explain, simulate, diff, who):
    policy.add_command(command)
