"""`python -m bot.cli`, as which `bursar run` starts its worker."""

from bot.cli import main

main()
