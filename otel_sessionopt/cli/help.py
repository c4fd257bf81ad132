"""`sessionoptimizer help [COMMAND]`."""

from __future__ import annotations

import click


@click.command("help")
@click.argument("name", metavar="[COMMAND]", required=False)
@click.pass_context
def command(ctx: click.Context, name: str | None) -> None:
    """Print this help, or that of a command."""
    parent = ctx.parent
    assert parent is not None
    group = parent.command
    assert isinstance(group, click.Group)
    if name is None:
        click.echo(parent.get_help())
        return
    found = group.get_command(parent, name)
    if found is None:
        raise click.UsageError(f"there is no command {name!r}; there are: {', '.join(group.list_commands(parent))}")
    with click.Context(found, info_name=name, parent=parent) as sub_context:
        click.echo(found.get_help(sub_context))
