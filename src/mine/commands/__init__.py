"""One module per subcommand: HELP, add_arguments(parser) and run(arguments), which may return an exit code."""
