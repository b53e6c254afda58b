"""The house: rooms, heaters, appliances, supply and breakers, in physics only."""
