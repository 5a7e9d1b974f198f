"""Ends the process at every named point, starts it again, lets it finish, and looks at the world after."""
