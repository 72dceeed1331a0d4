from unidiff_cli.cli.app import main

main()
