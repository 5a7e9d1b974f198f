"""Who is who in the story, and where: short names for the demo's people and channels."""

from bot.demo import company

ADA, BEN, CARO, DEV, FAY, OTTO = (person.id for person in company.PEOPLE)
EVERYBODY = (ADA, BEN, CARO, DEV, FAY, OTTO)
CHECKOUT, SEARCH, ONCALL, FINANCE = (channel.id for channel in company.CHANNELS)
CHANNELS = (CHECKOUT, SEARCH, ONCALL, FINANCE)
TEAM_CHANNEL = {"checkout": CHECKOUT, "search": SEARCH}
TITLE = {"checkout": "Checkout", "search": "Search"}
OWNER = {"checkout": ADA, "search": BEN}
