"""What the subcommands do; `streams.cli` only reads their arguments."""
